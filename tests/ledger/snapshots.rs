//! Long streams: a cold account is read from a snapshot, which is believed only as far as it can be proved.

use futures::future::join_all;
use ledger_core::{AccountId, LedgerError};
use ledger_tests::{Books, money};
use sqlx::Executor;

/// More than are read without leaving a snapshot.
const CHARGES: usize = 600;

async fn charge_often(books: &Books, account: AccountId) {
    let charges =
        (0..CHARGES).map(|idx| async move { books.charge(account, &format!("{idx}"), "0.01").await });
    assert!(join_all(charges).await.iter().all(Result::is_ok));
}

/// Loads the account in a process that has never seen it, which leaves a snapshot of it there.
async fn load_cold(books: &Books, account: AccountId, name: &str) -> Result<(), LedgerError> {
    let cold = books.second_ledger().await;
    let charged = books.charge_on(&cold, account, name, "0.01").await;
    cold.close().await;
    charged.map(drop)
}

async fn snapshot_version(books: &Books, account: AccountId) -> Option<i64> {
    let mut superuser = books.db.superuser().await;
    let select = sqlx::query_scalar("select sequence from snapshots where account_id = $1");
    select.bind(account.0).fetch_optional(&mut superuser).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_stream_leaves_a_snapshot_and_is_read_on_from_there() {
    Books::run(async |books| {
        let account = books.account("100").await;
        charge_often(books, account).await;
        assert_eq!(snapshot_version(books, account).await, None);
        load_cold(books, account, "first").await.unwrap();
        assert_eq!(snapshot_version(books, account).await, Some(602), "closing waits for what was left to be done");

        // What stands before the snapshot is not looked at any more: that is the audit's work.
        let damage = format!("update events set payload = '{{}}' where aggregate_id = '{account}' and sequence = 5");
        let mut superuser = books.db.superuser().await;
        superuser.execute("create table kept as select * from events where sequence = 5").await.unwrap();
        books.db.tamper(&damage).await;
        load_cold(books, account, "second").await.unwrap();
        assert!(!books.audit().await.is_sound(), "the audit reads every entry");
        let mend = format!(
            "update events e set payload = k.payload from kept k
             where e.aggregate_id = '{account}' and (e.aggregate_id, e.sequence) = (k.aggregate_id, k.sequence)"
        );
        books.db.tamper(&mend).await;
        superuser.execute("drop table kept").await.unwrap();
        assert_eq!(books.balance(account).await.row.balance, money("93.98"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_does_not_agree_with_the_journal_is_passed_over() {
    Books::run(async |books| {
        let account = books.account("100").await;
        charge_often(books, account).await;
        load_cold(books, account, "first").await.unwrap();
        for (idx, damage) in [
            "update snapshots set state = replace(state::text, '\"main\":\"94\"', '\"main\":\"9400\"')::json",
            "update snapshots set head = sha256('another')",
            "update snapshots set sequence = 9000",
            "update snapshots set sequence = 500",
            "update snapshots set state = '{\"of\": \"a newer form\"}'",
            "update snapshots set schema_hash = sha256('another form')",
        ]
        .iter()
        .enumerate()
        {
            books.db.tamper(damage).await;
            load_cold(books, account, &format!("cold {idx}"))
                .await
                .unwrap_or_else(|error| panic!("{damage}: {error}"));
        }
        books.db.tamper("delete from snapshots").await;
        load_cold(books, account, "without").await.unwrap();
        assert_eq!(books.balance(account).await.row.balance_version, 610);
    })
    .await;
}

/// When it was last charged stands in no event but the last charge: a snapshot that is wrong in it looks sound, until the row
/// says otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_the_row_contradicts_is_passed_over_and_the_row_is_believed() {
    Books::run(async |books| {
        let account = books.account("100").await;
        charge_often(books, account).await;
        let top_up = async |name: &str| {
            let cold = books.second_ledger().await;
            books.top_up_on(&cold, account, name, "1").await.unwrap();
            cold.close().await;
        };
        top_up("leaves a snapshot").await;
        books
            .db
            .tamper(
                "update snapshots set state = regexp_replace(state::text,
                     '\"last_charged_at\":\"[^\"]*\"', '\"last_charged_at\":\"2020-01-01T00:00:00Z\"')::json",
            )
            .await;
        top_up("reads it").await;
        let repairs: i64 = sqlx::query_scalar("select count(*) from repairs")
            .fetch_one(&mut books.db.superuser().await)
            .await
            .unwrap();
        assert_eq!(repairs, 0, "nothing was wrong with the row");
    })
    .await;
}
