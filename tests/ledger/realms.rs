//! One realm never sees another: through the façade, warm and cold, and in the database.

use futures::future::join_all;
use ledger_core::{
    AccountId, Caller, Charge, EntriesRequest, EntryId, Ledger, LedgerError, Owner, RealmId, Refund,
    StatementRequest,
};
use ledger_tests::{Books, amount, key, label, usd};
use sqlx::{
    ConnectOptions, Executor, PgConnection, Row,
    postgres::{PgConnectOptions, PgRow},
};
use uuid::Uuid;

#[tokio::test]
async fn a_foreign_account_and_an_absent_one_are_alike() {
    Books::run(async |books| {
        let foreign = books.account("10").await;
        let charge = books.charge(foreign, "c", "1").await.unwrap().id;
        let absent = AccountId::of(Owner::User(Uuid::from_u128(9)), usd());
        let stranger = Caller::of_realm(RealmId(Uuid::from_u128(3)), Uuid::from_u128(3), label("stranger"));
        let cold = books.second_ledger().await;
        for ledger in [&books.ledger, &cold] {
            for (account, entry) in [(foreign, charge), (absent, EntryId::new(absent, 3))] {
                for error in probe(ledger, &stranger, account, entry).await {
                    assert!(matches!(error, LedgerError::NotFound), "{error:?}");
                }
            }
        }
        let owner = books.balance(foreign).await.row.owner;
        let tenant = Caller::platform(label("gateway")).within(owner.realm());
        assert_eq!(books.ledger.entry(&tenant, charge).await.unwrap().receipt.id, charge);
        cold.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_foreign_account_and_an_absent_one_are_told_without_a_lane() {
    Books::run(async |books| {
        let (foreign, absent) = (books.account("10").await, AccountId::default());
        let charge = books.charge(foreign, "c", "1").await.unwrap().id;
        // The account's lane stands still: whoever waits for it is not answered.
        let gate = books.ledger.failpoints().close("before_append");
        let stuck = books.charge(foreign, "stuck", "1");
        let strangers = async {
            gate.arrived().await;
            let stranger =
                Caller::of_realm(RealmId(Uuid::from_u128(3)), Uuid::from_u128(3), label("stranger"));
            let mut answers = 0;
            for (account, entry) in [(foreign, charge), (absent, EntryId::new(absent, 3))] {
                answers += probe(&books.ledger, &stranger, account, entry).await.len();
            }
            gate.open();
            answers
        };
        let (charged, answers) = tokio::join!(stuck, strangers);
        charged.unwrap();
        assert_eq!(answers, 14);
    })
    .await;
}

async fn probe(ledger: &Ledger, caller: &Caller, account: AccountId, entry: EntryId) -> Vec<LedgerError> {
    let charge = Charge { amount: amount("1"), currency: usd(), effective_at: None, reference: None };
    vec![
        ledger.charge(&caller.call(key("x")), account, charge).await.unwrap_err(),
        ledger.refund(&caller.call(key("y")), Refund { charge: entry, amount: None }).await.unwrap_err(),
        ledger.balance(caller, account).await.unwrap_err(),
        ledger.entry(caller, entry).await.unwrap_err(),
        ledger.entries(caller, account, EntriesRequest::default()).await.unwrap_err(),
        ledger.statement(caller, account, StatementRequest::default()).await.unwrap_err(),
        ledger.erase_note(caller, entry).await.unwrap_err(),
    ]
}

/// The relations that a request's role can read, straight from the catalogue: a new one is swept from its first day.
const READABLE: &str = "
select c.oid::regclass::text as name, c.relkind::text as kind, c.relrowsecurity and c.relforcerowsecurity as secured,
       coalesce(c.reloptions @> '{security_invoker=true}', false) as invoker
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('public', 'api') and c.relkind in ('r', 'v', 'm', 'p', 'f') and c.relname <> '_sqlx_migrations'";

/// A tenant, a member and a key in the realm of every account.
const IDENTITY: [&str; 3] = [
    "insert into tenants (tenant_id, name, slug, plan, created_by)
     select owner_tenant_id, 'name', owner_tenant_id::text, 'plan', 'test' from account_balances",
    "insert into users (user_id, tenant_id, email, full_name, created_by)
     select gen_random_uuid(), tenant_id, slug || '@example.com', 'name', 'test' from tenants",
    "insert into virtual_keys (key_id, user_id, realm_id, name, digest, created_by)
     select gen_random_uuid(), user_id, realm_id, 'name', sha256(email::bytea), 'test' from users",
];

#[tokio::test]
async fn no_relation_shows_a_row_of_another_realm() {
    Books::run(async |books| {
        let accounts = join_all(["10", "20"].map(|balance| books.account(balance))).await;
        for account in &accounts {
            books.charge(*account, "c", "1").await.unwrap();
            books.charge(*account, "refused", "100").await.unwrap_err();
        }
        let realm = books.balance(accounts[0]).await.row.owner.realm();
        let mut superuser = books.db.superuser().await;
        for insert in IDENTITY {
            superuser.execute(insert).await.unwrap();
        }
        let relations: Vec<PgRow> = sqlx::query(READABLE).fetch_all(&mut superuser).await.unwrap();
        assert!(relations.len() >= 8, "the sweep found {} relations", relations.len());

        let mut app = login(&books.db.url(), "ledger_app").await;
        for relation in relations {
            let (name, kind): (String, String) = (relation.get("name"), relation.get("kind"));
            let guarded = if kind == "v" { "invoker" } else { "secured" };
            assert!(relation.get::<bool, _>(guarded), "{name} is not {guarded}");
            let readable = "select has_table_privilege('ledger_app', $1, 'select')";
            if !sqlx::query_scalar::<_, bool>(readable).bind(&name).fetch_one(&mut superuser).await.unwrap() {
                continue;
            }
            let count = format!("select count(*) from {name}");
            let unset = sqlx::query_scalar::<_, i64>(&count).fetch_one(&mut app).await;
            assert!(unset.is_err(), "{name} answers without a realm");

            let column = if name.starts_with("api.") { "account_id::text" } else { "realm_id::text" };
            let mine = if name.starts_with("api.") { accounts[0].to_string() } else { realm.to_string() };
            let foreign =
                format!("select count(*) filter (where {column} <> '{mine}'), count(*) from {name}");
            app.execute("begin").await.unwrap();
            sqlx::query("select set_realm($1)").bind(realm.0).execute(&mut app).await.unwrap();
            let (foreign, all): (i64, i64) = sqlx::query_as(&foreign).fetch_one(&mut app).await.unwrap();
            app.execute("rollback").await.unwrap();
            assert_eq!(foreign, 0, "{name} shows another realm");
            assert!(all > 0, "{name} shows nothing at all");
        }
    })
    .await;
}

#[tokio::test]
async fn each_role_can_do_its_work_and_no_more() {
    Books::run(async |books| {
        books.account("10").await;
        let url = books.db.url();
        for (role, sql) in [
            ("ledger_app", "insert into events default values"),
            ("ledger_app", "update account_balances set balance = 0"),
            ("ledger_app", "select * from refusals"),
            ("ledger_writer", "update events set payload = '{}'"),
            ("ledger_writer", "delete from events"),
            ("ledger_writer", "truncate events"),
            ("ledger_writer", "delete from account_balances"),
            ("ledger_auth", "select balance from account_balances"),
            ("ledger_auth", "select * from events"),
            ("ledger_eraser", "update events set payload = '{}'"),
            ("ledger_eraser", "select payload from events"),
            ("ledger_auditor", "update events set note = null"),
            ("ledger_auditor", "delete from quarantine"),
            ("ledger_auditor", "update virtual_keys set name = ''"),
            ("ledger_app", "select * from operators"),
            ("ledger_app", "select * from gateways"),
            ("ledger_app", "update users set tenant_id = null"),
            ("ledger_app", "delete from virtual_keys"),
            ("ledger_auth", "select email from users"),
            ("ledger_auth", "update operators set revoked_at = null"),
            ("ledger_writer", "select * from virtual_keys"),
            ("ledger_writer", "insert into releases select * from releases"),
            ("ledger_writer", "insert into acknowledgements select * from acknowledgements"),
            ("ledger_repairer", "update events set note = null"),
            ("ledger_repairer", "insert into events default values"),
            ("ledger_repairer", "delete from account_balances"),
            ("ledger_repairer", "delete from refusals"),
            ("ledger_repairer", "update repairs set actor = ''"),
            ("ledger_repairer", "delete from releases"),
            ("ledger_repairer", "update acknowledgements set reason = ''"),
            ("ledger_repairer", "select * from users"),
            ("ledger_platform", "select * from events"),
            ("ledger_platform", "select * from users"),
            ("ledger_platform", "update operators set role = 'admin'"),
        ] {
            let mut connection = login(&url, role).await;
            connection.execute("set ledger.realm = '00000000-0000-0000-0000-000000000000'").await.unwrap();
            let refused = connection.execute(sql).await.expect_err(sql);
            let code = refused.as_database_error().and_then(|error| error.code()).unwrap().into_owned();
            assert_eq!(code, "42501", "{role}: {sql}: {refused}");
        }
        let mut nobody = login(&url, "none").await;
        nobody.execute("select * from events").await.expect_err("the login role itself may do nothing");
    })
    .await;
}

#[tokio::test]
async fn history_is_kept_even_from_the_superuser_until_the_trigger_is_off() {
    Books::run(async |books| {
        books.account("10").await;
        let mut superuser = books.db.superuser().await;
        for sql in [
            "update events set payload = '{}'",
            "delete from events",
            "truncate events",
            "update events set sequence = sequence + 10",
        ] {
            superuser.execute(sql).await.expect_err(sql);
        }
    })
    .await;
}

#[tokio::test]
async fn the_ledger_refuses_a_login_that_sees_through_row_security() {
    Books::run(async |books| {
        let refused = Ledger::connect(&books.db.superuser_url()).await.err().expect("a superuser is refused");
        assert!(
            matches!(&refused, LedgerError::Unsafe(reason) if reason.contains("row security")),
            "{refused}"
        );
    })
    .await;
}

async fn login(url: &str, role: &str) -> PgConnection {
    let options: PgConnectOptions = url.parse().unwrap();
    options.options([("role", role)]).connect().await.unwrap()
}
