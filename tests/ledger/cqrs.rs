//! The foundation that was given: an unmodified cqrs-es works on our journal, and an unmodified postgres-es reads it.

use std::collections::HashMap;

use chrono::SecondsFormat;
use cqrs_es::{AggregateError, CqrsFramework, EventStore, persist::PersistedEventStore};
use ledger_core::{
    Account, AccountId, Caller, Charge, Command, EntryId, Event, HandleError, Instruction, LedgerError, Open,
    Owner, Refund, Rejection, TopUp,
};
use ledger_tests::{Books, amount, label, money, usd};
use postgres_es::PostgresEventRepository;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use uuid::Uuid;

fn charge(sum: &str) -> Command {
    Command::Charge(Charge { amount: amount(sum), currency: usd(), effective_at: None, reference: None })
}

/// The framework has no clock of its own: its driver says what time it is.
async fn now(books: &Books, command: Command) -> Instruction {
    let mut superuser = books.db.superuser().await;
    let at = sqlx::query_scalar("select clock_timestamp()").fetch_one(&mut superuser).await.unwrap();
    Instruction { at, command }
}

#[tokio::test]
async fn an_unmodified_framework_works_through_the_lanes() {
    Books::run(async |books| {
        let (owner, caller) = (Owner::Tenant(Uuid::from_u128(5)), Caller::platform(label("framework")));
        let account = AccountId::of(owner, usd());
        let id = account.to_string();
        let framework: CqrsFramework<Account, _> =
            CqrsFramework::new(books.ledger.event_store(&caller), vec![], books.ledger.facts(&caller));

        framework.execute(&id, now(books, open(owner)).await).await.unwrap();
        let metadata = HashMap::from([("trace".to_owned(), "abc".to_owned())]);
        framework.execute_with_metadata(&id, now(books, charge("4")).await, metadata).await.unwrap();
        let refund = Command::Refund(Refund { charge: EntryId::new(account, 2), amount: Some(amount("1")) });
        framework.execute(&id, now(books, refund.clone()).await).await.unwrap();
        framework.execute(&id, now(books, refund).await).await.unwrap();

        let refused = framework.execute(&id, now(books, charge("8.01")).await).await.unwrap_err();
        assert!(
            matches!(
                refused,
                AggregateError::UserError(HandleError::Rejected(Rejection::InsufficientFunds { .. }))
            ),
            "{refused}"
        );
        books.charge(account, "through the façade", "8").await.unwrap();
        assert_eq!(books.balance(account).await.available, money("0"));

        let events = books.ledger.event_store(&caller).load_events(&id).await.unwrap();
        assert_eq!(events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert_eq!(
            (events[1].metadata["trace"].as_str(), events[1].metadata["actor"].as_str()),
            ("abc", "framework")
        );
    })
    .await;
}

fn open(owner: Owner) -> Command {
    Command::Open(Open { owner, currency: usd(), credit_limit: money("10") })
}

#[tokio::test]
async fn a_caller_of_one_realm_opens_no_account_in_another() {
    Books::run(async |books| {
        let (mine, foreign) = (Owner::Tenant(Uuid::from_u128(5)), Owner::Tenant(Uuid::from_u128(6)));
        let caller = Caller::of_realm(mine.realm(), Uuid::from_u128(5), label("framework"));
        let framework: CqrsFramework<Account, _> =
            CqrsFramework::new(books.ledger.event_store(&caller), vec![], books.ledger.facts(&caller));
        let id = |owner| AccountId::of(owner, usd()).to_string();
        let refused = framework.execute(&id(foreign), now(books, open(foreign)).await).await.unwrap_err();
        assert!(refused.to_string().contains("not found"), "{refused}");
        framework.execute(&id(mine), now(books, open(mine)).await).await.unwrap();
        let absent = books.ledger.balance(&books.platform, AccountId::of(foreign, usd())).await.unwrap_err();
        assert!(matches!(absent, LedgerError::NotFound), "{absent}");
    })
    .await;
}

#[tokio::test]
async fn what_the_ledger_says_of_an_event_wins_over_what_the_caller_says() {
    Books::run(async |books| {
        let account = books.account("10").await;
        let caller = books.platform.in_request(label("request 7"));
        let framework: CqrsFramework<Account, _> =
            CqrsFramework::new(books.ledger.event_store(&caller), vec![], books.ledger.facts(&caller));
        let said = ["actor", "request_id", "key", "trace"].map(|name| (name.to_owned(), "boss".to_owned()));
        let charge = now(books, charge("4")).await;
        framework.execute_with_metadata(&account.to_string(), charge, HashMap::from(said)).await.unwrap();
        let mut superuser = books.db.superuser().await;
        let select = "select metadata::text from events where event_type = 'account.charged'";
        let kept: String = sqlx::query_scalar(select).fetch_one(&mut superuser).await.unwrap();
        assert_eq!(kept, r#"{"actor":"test","request_id":"request 7","trace":"boss"}"#);
    })
    .await;
}

/// Events that no account decides are refused as they come, whatever framework has made them.
#[tokio::test]
async fn what_the_account_would_not_decide_is_not_stored() {
    Books::run(async |books| {
        let account = books.account("10").await;
        let charged = books.charge(account, "c", "1").await.unwrap();
        let top_up = books.top_up(account, "again", "5").await.unwrap();
        let refunded = books.refund(charged.id, "r", Some("0.25")).await.unwrap();
        let version = books.balance(account).await.row.balance_version;
        let change = |event: &Event, from: &str, to: &str| -> Event {
            let text = serde_json::to_string(event).unwrap();
            let changed = text.replace(from, to);
            assert_ne!(changed, text, "{from}");
            serde_json::from_str(&changed).unwrap()
        };
        // Each would fold: its sums are right. What it says of the world is not.
        let too_much = change(
            &change(&refunded.event, r#""0.25""#, r#""1000""#),
            r#""main":"14.25""#,
            r#""main":"1014.25""#,
        );
        let foreign = change(
            &change(&refunded.event, "000000000003", "000000000002"),
            r#""main":"14.25""#,
            r#""main":"14.5""#,
        );
        let twice = change(&top_up.event, r#""main":"14""#, r#""main":"19.25""#);
        let to_nobody =
            change(&change(&charged.event, "revenue", "breakage"), r#""main":"9""#, r#""main":"13.25""#);
        let store = books.ledger.event_store(&books.platform);
        for event in [too_much, foreign, twice, to_nobody] {
            let now = now(books, charge("1")).await.at.to_rfc3339_opts(SecondsFormat::Micros, true);
            let at = event.entry().at.to_rfc3339_opts(SecondsFormat::Micros, true);
            let event = change(&event, &at, &now);
            let context = store.load_aggregate(&account.to_string()).await.unwrap();
            let refused = store.commit(vec![event.clone()], context, HashMap::new()).await.unwrap_err();
            assert!(refused.to_string().contains("is not admitted"), "{event:?}: {refused}");
        }
        assert_eq!(books.balance(account).await.row.balance_version, version);
    })
    .await;
}

#[tokio::test]
async fn an_account_opens_under_the_id_of_its_owner_and_no_other() {
    Books::run(async |books| {
        let (mine, other) = (Owner::Tenant(Uuid::from_u128(5)), Owner::Tenant(Uuid::from_u128(6)));
        let framework: CqrsFramework<Account, _> = CqrsFramework::new(
            books.ledger.event_store(&books.platform),
            vec![],
            books.ledger.facts(&books.platform),
        );
        let wrong = AccountId::of(other, usd()).to_string();
        let refused = framework.execute(&wrong, now(books, open(mine)).await).await.unwrap_err();
        assert!(refused.to_string().contains("it opens another account"), "{refused}");
        // The stream of that id is as it was: its owner opens it.
        framework.execute(&wrong, now(books, open(other)).await).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn one_payment_credits_once_through_the_framework_too() {
    Books::run(async |books| {
        let account = books.account("0").await;
        let booked = books.top_up(account, "in", "5").await.unwrap();
        let framework: CqrsFramework<Account, _> = CqrsFramework::new(
            books.ledger.event_store(&books.platform),
            vec![],
            books.ledger.facts(&books.platform),
        );
        let (provider, reference) = ("stripe".parse().unwrap(), label("pi in"));
        let top_up = TopUp { amount: amount("5"), currency: usd(), provider, reference, fee: None };
        let again = now(books, Command::TopUp(top_up)).await;
        let refused = framework.execute(&account.to_string(), again).await.unwrap_err();
        let expected = Rejection::PaymentAlreadyBooked { entry: booked.id };
        assert!(
            matches!(&refused, AggregateError::UserError(HandleError::Rejected(why)) if *why == expected),
            "{refused}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_stale_base_is_a_conflict_and_stores_nothing() {
    Books::run(async |books| {
        let account = books.account("10").await;
        let store = books.ledger.event_store(&books.platform);
        let [first, second] = [
            store.load_aggregate(&account.to_string()).await.unwrap(),
            store.load_aggregate(&account.to_string()).await.unwrap(),
        ];
        let event = books.charge(account, "c", "1").await.unwrap().event;
        for context in [first, second] {
            let conflict = store.commit(vec![event.clone()], context, HashMap::new()).await.unwrap_err();
            assert!(matches!(conflict, AggregateError::AggregateConflict), "{conflict}");
        }
        assert_eq!(books.balance(account).await.row.balance_version, 3);
    })
    .await;
}

/// The store reads what the database has, and its lane remembers less.
#[tokio::test]
async fn a_fresh_base_is_taken_while_the_lane_lags_behind_another_process() {
    Books::run(async |books| {
        let account = books.account("100").await;
        let second = books.second_ledger().await;
        let framework: CqrsFramework<Account, _> =
            CqrsFramework::new(second.event_store(&books.platform), vec![], second.facts(&books.platform));
        for round in 0..5 {
            books.charge(account, &format!("elsewhere {round}"), "1").await.unwrap();
            let fresh = now(books, charge("1")).await;
            framework.execute(&account.to_string(), fresh).await.expect("its base was the latest");
        }
        assert_eq!(books.balance(account).await.row.balance, money("90"));
        second.close().await;
    })
    .await;
}

#[tokio::test]
async fn an_unmodified_repository_reads_the_journal_under_row_security() {
    Books::run(async |books| {
        let (mine, foreign) = (books.account("10").await, books.account("20").await);
        books.charge(mine, "c", "1").await.unwrap();
        let realm = books.balance(mine).await.row.owner.realm().to_string();
        let login: PgConnectOptions = books.db.url().parse().unwrap();
        let login = login.options([("role", "ledger_app"), ("ledger.realm", &realm)]);
        let pool = PgPoolOptions::new().max_connections(1).connect_with(login).await.unwrap();

        let stock: PersistedEventStore<_, Account> =
            PersistedEventStore::new_event_store(PostgresEventRepository::new(pool.clone()));
        let events = stock.load_events(&mine.to_string()).await.unwrap();
        let ours = books.ledger.event_store(&books.platform).load_events(&mine.to_string()).await.unwrap();
        let payloads = |events: &[cqrs_es::EventEnvelope<Account>]| {
            events.iter().map(|event| (event.sequence, event.payload.clone())).collect::<Vec<_>>()
        };
        assert_eq!(payloads(&events), payloads(&ours));
        assert_eq!(events.len(), 3);
        assert!(
            stock.load_events(&foreign.to_string()).await.unwrap().is_empty(),
            "another realm's stream is empty"
        );
        pool.close().await;
    })
    .await;
}
