//! Rows that this release cannot read: the trouble of their own account, and of nobody who is decided on beside it.

use futures::future::join_all;
use ledger_core::{AccountId, LedgerError, StoredEvent};
use ledger_tests::Books;
use sqlx::{Executor, Row};

/// Charges both accounts at once in a process that knows neither.
async fn charge_cold(books: &Books, accounts: [AccountId; 2], name: &str) -> [Result<(), LedgerError>; 2] {
    let cold = books.second_ledger().await;
    let charge = async |account| books.charge_on(&cold, account, name, "1").await.map(drop);
    let charged = join_all(accounts.map(charge)).await;
    cold.close().await;
    charged.try_into().expect("two accounts, two answers")
}

async fn quarantined(books: &Books) -> i64 {
    let select = sqlx::query_scalar("select count(*) from quarantine");
    select.fetch_one(&mut books.db.superuser().await).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_a_newer_release_is_refused_here_and_told_nobody() {
    Books::run(async |books| {
        let (newer, other) = (books.account("10").await, books.account("10").await);
        let select = "select e.*, e.payload::text as payload, e.metadata::text as metadata, e.note::text as note, p.hash as before
            from events e join events p on p.aggregate_id = e.aggregate_id and p.sequence = e.sequence - 1
            where e.aggregate_id = $1 and e.sequence = 2";
        let select = sqlx::query(select).bind(newer.to_string());
        let row = select.fetch_one(&mut books.db.superuser().await).await.unwrap();
        let stored: StoredEvent = sqlx::FromRow::from_row(&row).unwrap();
        let before: [u8; 32] = row.get("before");
        // Whole, and chained as it should be: only its kind is not known yet.
        let unknown = StoredEvent { event_type: "account.granted".into(), ..stored.clone() };
        let write = async |event: &StoredEvent| {
            let hash = event.link(&before).hash().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            let (kind, head) = (&event.event_type, format!("'\\x{hash}'"));
            books.db.tamper(&format!("update events set event_type = '{kind}', hash = {head} where aggregate_id = '{newer}' and sequence = 2")).await;
            books.db.tamper(&format!("update account_balances set head = {head} where account_id = '{newer}'")).await;
        };
        write(&unknown).await;
        let [refused, charged] = charge_cold(books, [newer, other], "one").await;
        assert!(matches!(refused, Err(LedgerError::Quarantined)), "{refused:?}");
        charged.expect("the other account is readable");
        assert_eq!(quarantined(books).await, 0, "a newer release reads it");
        write(&stored).await;
        let [charged, _] = charge_cold(books, [newer, other], "two").await;
        charged.expect("nothing was ever wrong with it");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_a_newer_release_is_no_answer_to_its_key_and_no_trouble_of_others() {
    Books::run(async |books| {
        let (newer, other) = (books.account("10").await, books.account("10").await);
        books.charge(newer, "refused", "100").await.unwrap_err();
        books.db.tamper("update refusals set rejection = '{\"code\": \"out_of_fashion\"}'").await;
        let cold = books.second_ledger().await;
        let (unknown, charged) = futures::join!(
            books.charge_on(&cold, newer, "refused", "100"),
            books.charge_on(&cold, other, "c", "1")
        );
        assert!(
            matches!(unknown, Err(LedgerError::Unavailable(_))),
            "a newer release will tell: {unknown:?}"
        );
        charged.unwrap();
        books.charge_on(&cold, newer, "another", "1").await.unwrap();
        cold.close().await;
        books.db.tamper("delete from refusals").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_makes_its_reader_panic_stops_its_own_account_alone() {
    Books::run(async |books| {
        let (hostile, other) = (books.account("10").await, books.account("10").await);
        let at = format!("where aggregate_id = '{hostile}' and sequence = 2");
        books.db.superuser().await.execute("create table kept as select * from events").await.unwrap();
        books.db.tamper(&format!("update events set recorded_at = 'infinity' {at}")).await;
        let [refused, charged] = charge_cold(books, [hostile, other], "one").await;
        assert!(matches!(refused, Err(LedgerError::Quarantined)), "{refused:?}");
        charged.expect("one hostile row stops nobody else");
        books
            .db
            .tamper(&format!(
                "update events e set recorded_at = k.recorded_at from kept k {}",
                at.replace(
                    "where ",
                    "where (e.aggregate_id, e.sequence) = (k.aggregate_id, k.sequence) and e."
                )
                .replace("and sequence", "and e.sequence")
            ))
            .await;
        books.db.superuser().await.execute("drop table kept").await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_that_bind_nobody_any_more_go_from_quiet_accounts_too() {
    Books::run(async |books| {
        let account = books.account("10").await;
        books.charge(account, "old", "100").await.unwrap_err();
        books.db.tamper("update refusals set refused_at = refused_at - interval '31 days'").await;
        books.charge(account, "young", "100").await.unwrap_err();
        // A process that starts sweeps at once, whoever is called in it.
        let second = books.second_ledger().await;
        let mut superuser = books.db.superuser().await;
        let mut left: i64 = 2;
        for _ in 0..10_000 {
            left =
                sqlx::query_scalar("select count(*) from refusals").fetch_one(&mut superuser).await.unwrap();
            if left == 1 {
                break;
            }
        }
        assert_eq!(left, 1, "the old one is gone, and the young one binds");
        second.close().await;
    })
    .await;
}
