//! What goes wrong around the ledger: cut connections, damaged streams, an old schema, two migrators.

use ledger_core::{Caller, Charge, Ledger, LedgerError, RealmId, migrate};
use ledger_tests::{Books, TestDb, amount, key, label, money, usd};
use sqlx::Executor;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_in_mid_append_is_an_unknown_outcome_that_the_same_key_resolves() {
    Books::run(async |books| {
        let account = books.account("10").await;
        let gate = books.ledger.failpoints().close("before_append");
        let (cut, ()) = futures::join!(books.charge(account, "k", "4"), async {
            gate.arrived().await;
            let mut superuser = books.db.superuser().await;
            let cut = "select pg_terminate_backend(pid) from pg_stat_activity
                       where application_name = 'ledger_writer' and datname = current_database()";
            superuser.execute(cut).await.unwrap();
            gate.open();
        });
        assert!(matches!(cut, Err(LedgerError::Unavailable(_))), "{cut:?}");
        assert!(!books.charge(account, "k", "4").await.unwrap().replayed, "it had not happened");
        assert!(books.charge(account, "k", "4").await.unwrap().replayed);
        assert_eq!(books.balance(account).await.row.balance, money("6"));
    })
    .await;
}

#[tokio::test]
async fn a_broken_account_is_out_of_service_alone_until_it_is_mended_and_released() {
    Books::run(async |books| {
        let (broken, sound) = (books.account("10").await, books.account("10").await);
        let damage = |from: &str, to: &str| {
            format!(
                "update events set payload = replace(payload::text, '\"{from}\"', '\"{to}\"')::json
                     where aggregate_id = '{broken}' and sequence = 2"
            )
        };
        books.db.tamper(&damage("10", "1000")).await;

        let fresh = books.second_ledger().await;
        for attempt in ["one", "two"] {
            let refused = books.charge_on(&fresh, broken, attempt, "1").await.unwrap_err();
            assert!(matches!(refused, LedgerError::Quarantined), "{refused}");
            books.charge_on(&fresh, sound, attempt, "1").await.unwrap();
            let stranger =
                Caller::of_realm(RealmId(Uuid::from_u128(3)), Uuid::from_u128(3), label("stranger"));
            let charge = Charge { amount: amount("1"), currency: usd(), effective_at: None, reference: None };
            let foreign = fresh.charge(&stranger.call(key(attempt)), broken, charge).await.unwrap_err();
            assert!(matches!(foreign, LedgerError::NotFound), "to a stranger it is absent: {foreign}");
        }
        let auditor = books.auditor().await;
        let verdict = auditor.audit().await.unwrap();
        assert!(!verdict.is_sound() && verdict.to_string().contains(&broken.to_string()), "{verdict}");

        books.db.tamper(&damage("1000", "10")).await;
        books.release(broken).await;
        books.charge_on(&fresh, broken, "three", "1").await.expect("it is back in service");
        fresh.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_stream_shorter_than_its_balance_row_says_is_broken() {
    Books::run(async |books| {
        let account = books.account("10").await;
        books.charge(account, "c", "1").await.unwrap();
        let mut superuser = books.db.superuser().await;
        superuser.execute("create table cut as select * from events where sequence = 3").await.unwrap();
        books.db.tamper("delete from events where sequence = 3").await;
        let fresh = books.second_ledger().await;
        let refused = books.charge_on(&fresh, account, "d", "1").await.unwrap_err();
        assert!(matches!(refused, LedgerError::Quarantined), "{refused}");
        fresh.close().await;
        books.db.tamper("insert into events select * from cut").await;
        superuser.execute("drop table cut").await.unwrap();
        books.release(account).await;
    })
    .await;
}

#[tokio::test]
async fn an_account_without_its_balance_row_is_broken_and_repaired() {
    Books::run(async |books| {
        let account = books.account("10").await;
        books.db.tamper(&format!("delete from account_balances where account_id = '{account}'")).await;
        let fresh = books.second_ledger().await;
        let refused = books.charge_on(&fresh, account, "c", "1").await.unwrap_err();
        assert!(matches!(refused, LedgerError::Quarantined), "{refused}");
        books.auditor().await.repair(account, &label("test")).await.unwrap();
        books.release(account).await;
        books.charge_on(&fresh, account, "c", "1").await.expect("mended, it is in service again");
        fresh.close().await;
    })
    .await;
}

#[tokio::test]
async fn two_migrators_at_once_make_one_schema_and_a_ledger_refuses_an_older_one() {
    let db = TestDb::create().await;
    let mut superuser = db.superuser().await;
    superuser
        .execute("drop schema public cascade; drop schema api cascade; create schema public")
        .await
        .unwrap();
    let refused = Ledger::connect(&db.url()).await.err().expect("there is no schema");
    assert!(
        matches!(&refused, LedgerError::Unsafe(reason) if reason.contains("ledger migrate")),
        "{refused}"
    );

    let url = db.superuser_url();
    let (one, two) = futures::join!(migrate(&url), migrate(&url));
    one.and(two).unwrap();
    Ledger::connect(&db.url()).await.expect("the schema is there").close().await;

    superuser.execute("update _sqlx_migrations set version = version - 1000").await.unwrap();
    assert!(Ledger::connect(&db.url()).await.is_err(), "an older schema is refused");
    db.remove().await;
}
