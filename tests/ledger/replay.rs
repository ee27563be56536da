//! Balances are functions of the journal: whatever becomes of their table, a replay brings it back.

use std::process::{Command, Stdio};

use ledger_core::{AccountId, AuditorError, Difference, Replay, Replayed};
use ledger_tests::{Books, label, money, program};
use sqlx::{Connection, Executor, PgConnection};

/// What a replay finds, and whether it mends it.
async fn replay(books: &Books, replay: Replay) -> (Replayed, Vec<(Difference, bool)>) {
    let auditor = books.auditor().await;
    let mut found = Vec::new();
    let replayed =
        auditor.replay(&replay, |difference, mended| found.push((difference.clone(), mended))).await;
    auditor.close().await;
    (replayed.unwrap(), found)
}

fn differing(difference: &Difference) -> Vec<&'static str> {
    let Difference::Differs { columns, .. } = difference else { return Vec::new() };
    columns.iter().map(|column| column.name).collect()
}

async fn accounts(books: &Books, n: usize) -> Vec<AccountId> {
    let mut accounts = Vec::new();
    for _ in 0..n {
        let account = books.account("10").await;
        books.charge(account, "one", "2.5").await.unwrap();
        accounts.push(account);
    }
    accounts.sort();
    accounts
}

#[tokio::test]
async fn every_damage_is_named_and_mended() {
    Books::run(async |books| {
        let accounts = accounts(books, 4).await;
        let sql = format!(
            "update account_balances set balance = 99, last_charged_at = null where account_id = '{}';
             update account_balances set balance_version = 2, outstanding_amount = 1 where account_id = '{}';
             delete from account_balances where account_id = '{}'",
            accounts[0], accounts[1], accounts[3]
        );
        books.db.tamper(&sql).await;

        let (verified, found) = replay(books, Replay::Verify).await;
        assert!(!verified.is_equal());
        assert_eq!((verified.accounts, verified.entries, verified.different, verified.mended), (4, 12, 3, 0));
        let named: Vec<_> = found.iter().map(|(difference, _)| difference.account()).collect();
        assert_eq!(named, [accounts[0], accounts[1], accounts[3]]);
        let named: Vec<_> = found.iter().map(|(difference, _)| differing(difference)).collect();
        let columns =
            [vec!["balance", "last_charged_at"], vec!["outstanding_amount", "balance_version"], vec![]];
        assert_eq!(named, columns);
        assert!(matches!(found[2].0, Difference::Missing { .. }), "{found:?}");

        let (mended, again) = replay(books, Replay::Mend(label("jane"))).await;
        assert!(mended.is_equal() && again.iter().all(|(_, mended)| *mended));
        assert_eq!(again.len(), 3);
        let (verified, found) = replay(books, Replay::Verify).await;
        assert!(verified.is_equal() && verified.different == 0 && found.is_empty());
        for account in &accounts {
            assert_eq!(books.balance(*account).await.row.balance, money("7.5"));
            // The ledger still had the account in memory, and the row has moved under it.
            books.charge(*account, "two", "7.5").await.unwrap();
            books.charge(*account, "three", "0.1").await.unwrap_err();
        }

        let repairs =
            "select actor, before ->> 'balance', after ->> 'balance' from repairs order by account_id";
        let mut superuser = books.db.superuser().await;
        let repairs: Vec<(String, Option<String>, String)> =
            sqlx::query_as(repairs).fetch_all(&mut superuser).await.unwrap();
        let before: Vec<_> = repairs.iter().map(|(_, before, _)| before.as_deref()).collect();
        assert_eq!(before, [Some("99"), Some("7.5"), None]);
        assert!(repairs.iter().all(|(actor, _, after)| (actor.as_str(), after.as_str()) == ("jane", "7.5")));
    })
    .await;
}

#[tokio::test]
async fn a_truncated_table_comes_back_whole() {
    Books::run(async |books| {
        accounts(books, 5).await;
        let rows =
            "select string_agg((to_jsonb(b) - 'decisions' - 'updated_at')::text, ',' order by account_id)
            from account_balances b";
        let mut superuser = books.db.superuser().await;
        let before: String = sqlx::query_scalar(rows).fetch_one(&mut superuser).await.unwrap();
        books.db.tamper("delete from account_balances").await;
        let (replayed, _) = replay(books, Replay::Mend(label("jane"))).await;
        assert_eq!((replayed.different, replayed.mended), (5, 5));
        let after: String = sqlx::query_scalar(rows).fetch_one(&mut superuser).await.unwrap();
        assert_eq!(before, after);
    })
    .await;
}

#[tokio::test]
async fn what_may_hide_a_loss_is_for_a_person_to_decide() {
    let books = Books::open().await;
    let [broken, ahead] = accounts(&books, 2).await[..] else { panic!("two were asked for") };
    let sql = format!(
        "update events set payload = replace(payload::text, '2.5', '2.4')::json where aggregate_id = '{broken}' and sequence = 3;
         delete from events where aggregate_id = '{ahead}' and sequence = 3"
    );
    books.db.tamper(&sql).await;

    let (replayed, found) = replay(&books, Replay::Mend(label("jane"))).await;
    assert_eq!((replayed.different, replayed.mended), (2, 0), "{found:?}");
    assert!(matches!(found[0].0, Difference::Broken { sequence: 3, .. }), "{found:?}");
    assert_eq!(found[1].0, Difference::Ahead { account: ahead, journal: 2, row: 3 });

    let auditor = books.auditor().await;
    let refused = auditor.repair(broken, &label("jane")).await.unwrap_err();
    let AuditorError::Unsound(refused) = refused else { panic!("{refused}") };
    assert_eq!(refused, found[0].0);
    let mended = auditor.repair(ahead, &label("jane")).await.unwrap();
    assert_eq!(mended.difference.as_ref(), Some(&found[1].0));
    assert_eq!(books.balance(ahead).await.row.balance, money("10"));
    assert_eq!(auditor.repair(ahead, &label("jane")).await.unwrap().difference, None);
    auditor.close().await;
    books.ledger.close().await;
    books.db.remove().await;
}

/// How many backends wait for a lock of this database.
async fn waiting(superuser: &mut PgConnection) -> i64 {
    let waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    sqlx::query_scalar(waiting).fetch_one(superuser).await.unwrap()
}

#[tokio::test]
async fn a_replay_killed_half_way_leaves_each_balance_old_or_mended() {
    Books::run(async |books| {
        let accounts = accounts(books, 4).await;
        books.db.tamper("update account_balances set balance = 99").await;
        let start = |arguments: &[&str]| {
            let mut ledger = Command::new(program("ledger"));
            ledger.args(arguments).env("DATABASE_URL", books.db.url()).stdout(Stdio::null());
            ledger.spawn().expect("the program starts")
        };
        let mut superuser = books.db.superuser().await;
        let mut holder = books.db.superuser().await;
        holder.execute("begin").await.unwrap();
        let lock = format!("select 1 from account_balances where account_id = '{}' for update", accounts[2]);
        holder.execute(lock.as_str()).await.unwrap();

        let mut replay = start(&["replay"]);
        while waiting(&mut superuser).await == 0 {
            assert!(replay.try_wait().unwrap().is_none(), "it ended before it came to the lock");
        }
        replay.kill().unwrap();
        replay.wait().unwrap();

        let mut balances = Vec::new();
        for account in &accounts {
            balances.push(books.balance(*account).await.row.balance.to_string());
        }
        assert_eq!(balances, ["7.5", "7.5", "99", "99"], "the old rows still serve");
        holder.execute("rollback").await.unwrap();
        assert!(start(&["replay"]).wait().unwrap().success(), "a second run mends the rest");
        assert!(start(&["replay", "--verify"]).wait().unwrap().success());
        let repairs: i64 =
            sqlx::query_scalar("select count(*) from repairs").fetch_one(&mut superuser).await.unwrap();
        assert_eq!(repairs, 4, "each was mended once");
        holder.close().await.unwrap();
    })
    .await;
}

/// Repairs the account, and does `meanwhile` when the repair waits for the lock of the row.
async fn repaired_while(
    books: &Books,
    account: AccountId,
    meanwhile: &str,
) -> Result<Option<Difference>, AuditorError> {
    let (mut superuser, mut holder) = (books.db.superuser().await, books.db.superuser().await);
    holder.execute("begin").await.unwrap();
    holder.execute("select 1 from account_balances for update").await.unwrap();
    let auditor = books.auditor().await;
    let repair = tokio::spawn({
        let auditor = auditor.clone();
        async move { auditor.repair(account, &label("jane")).await }
    });
    while waiting(&mut superuser).await == 0 {
        assert!(!repair.is_finished(), "it ended before it came to the lock");
    }
    books.db.tamper(meanwhile).await;
    holder.execute("rollback").await.unwrap();
    let repaired = repair.await.unwrap();
    auditor.close().await;
    repaired.map(|repaired| repaired.difference)
}

#[tokio::test]
async fn a_stream_is_proved_before_its_lock_and_only_what_came_since_is_read_under_it() {
    Books::run(async |books| {
        let account = accounts(books, 1).await[0];
        let mut superuser = books.db.superuser().await;
        superuser.execute("create table kept as select * from events").await.unwrap();

        books.db.tamper("update account_balances set balance = 99").await;
        let early = "update events set metadata = '{}' where sequence < 3";
        let difference = repaired_while(books, account, early).await.unwrap().unwrap();
        assert_eq!(differing(&difference), ["balance"], "the early entries are not read a second time");
        let back = "update events e set metadata = k.metadata from kept k where e.sequence = k.sequence";
        books.db.tamper(back).await;

        books.db.tamper("delete from events where sequence = 3").await;
        let late = "insert into events select * from kept where sequence = 3";
        let difference = repaired_while(books, account, late).await.unwrap();
        assert_eq!(difference, None, "the late entry is");

        books.db.tamper("update account_balances set balance = 99").await;
        let last = "update events set hash = sha256(hash) where sequence = 3";
        let refused = repaired_while(books, account, last).await.unwrap_err().to_string();
        assert!(refused.contains("it was changed while it was read"), "{refused}");
        books.db.tamper("update events e set hash = k.hash from kept k where e.sequence = k.sequence").await;
        books.auditor().await.repair(account, &label("jane")).await.unwrap();
        superuser.execute("drop table kept").await.unwrap();
    })
    .await;
}
