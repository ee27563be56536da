//! Rows that somebody else holds, and servers that say nothing: whose trouble it is, and for how long.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use futures::future::join_all;
use ledger_core::{AccountId, Charge, LedgerError, Open, Owner};
use ledger_tests::{Books, amount, key, money, usd};
use sqlx::{Connection, Executor};
use uuid::Uuid;

/// How long nobody may be kept waiting by a row that is not theirs. The locked row itself is given up after two seconds.
const UNDISTURBED: Duration = Duration::from_millis(1_500);

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_row_keeps_its_own_callers_waiting_and_nobody_else() {
    Books::run(async |books| {
        let (locked, other) = (books.account("10").await, books.account("10").await);
        let mut superuser = books.db.superuser().await;
        superuser.execute("begin").await.unwrap();
        let lock = format!("select 1 from account_balances where account_id = '{locked}' for update");
        superuser.execute(lock.as_str()).await.unwrap();

        // In one round, as a lane would make it of two callers at once.
        let began = Instant::now();
        let (waited, undisturbed) = futures::join!(books.charge(locked, "k", "1"), async {
            books.charge(other, "k", "1").await.unwrap();
            for idx in 0..20 {
                books.charge(other, &idx.to_string(), "0.1").await.unwrap();
            }
            began.elapsed()
        });
        assert!(undisturbed < UNDISTURBED, "a stranger's lock has cost {undisturbed:?}");
        assert!(matches!(waited, Err(LedgerError::Busy)), "{waited:?}");
        superuser.execute("rollback").await.unwrap();
        assert!(!books.charge(locked, "k", "1").await.unwrap().replayed, "it had not happened");
        assert_eq!(books.balance(other).await.row.balance, money("7"));
        superuser.close().await.unwrap();
    })
    .await;
}

/// The backends of this database's lanes.
async fn backends(books: &Books) -> Vec<String> {
    let select = "select pid::text from pg_stat_activity
        where application_name = 'ledger_writer' and datname = current_database()";
    sqlx::query_scalar(select).fetch_all(&mut books.db.superuser().await).await.unwrap()
}

fn signal(signal: &str, pids: &[String]) {
    let sent = Command::new("kill").arg(signal).args(pids).status().unwrap();
    assert!(sent.success(), "kill {signal} {pids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_nothing_is_given_up_and_the_same_key_tells_later() {
    Books::run(async |books| {
        let account = books.account("10").await;
        let stopped = backends(books).await;
        signal("-STOP", &stopped);
        let began = Instant::now();
        let (charged, probed) = futures::join!(books.charge(account, "k", "1"), books.ledger.probe());
        let waited = began.elapsed();
        signal("-CONT", &stopped);
        assert!(matches!(charged, Err(LedgerError::Unavailable(_))), "{charged:?}");
        assert!(probed.is_err(), "a ledger that cannot write is not ready");
        assert!(waited < Duration::from_secs(20), "{waited:?}");
        books.charge(account, "k", "1").await.expect("on a connection of its own");
        assert!(books.charge(account, "k", "1").await.unwrap().replayed);
        assert_eq!(
            books.balance(account).await.row.balance,
            money("9"),
            "once, whatever the first one came to"
        );
    })
    .await;
}

/// Refusals that store nothing are asked about one by one. They send nobody through locks.
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_store_nothing_do_not_send_the_others_through_locks() {
    Books::run(async |books| {
        let (account, other) = (books.account("10").await, books.account("10").await);
        books.ledger.failpoints().panic("before_commit");
        let stale = async |idx: usize| {
            let call = books.platform.call(key(&format!("stale {idx}"))).if_version(1);
            let charge = Charge { amount: amount("1"), currency: usd(), effective_at: None, reference: None };
            let refused = books.ledger.charge(&call, account, charge).await.unwrap_err();
            assert!(matches!(refused, LedgerError::Stale), "{refused}");
        };
        let paid = async |idx: usize| drop(books.charge(other, &idx.to_string(), "0.01").await.unwrap());
        futures::join!(join_all((0..100).map(stale)), join_all((0..100).map(paid)));
        assert_eq!(books.balance(other).await.row.balance, money("9"));
    })
    .await;
}

/// A stream that is broken in its first entry, without a row, is nobody's that could be named: it is decided on in vain.
#[tokio::test]
async fn an_account_that_can_not_be_decided_on_spoils_no_group() {
    let books = Books::open().await;
    let mut owners = (1..)
        .map(|idx| Owner::Tenant(Uuid::from_u128(idx)))
        // In one lane, so that they are sent for together.
        .filter(|owner| AccountId::of(*owner, usd()).0.as_u128() >> 127 == 0);
    let (broken, sound) = (owners.next().unwrap(), owners.next().unwrap());
    let [broken_id, sound_id] = [broken, sound].map(|owner| AccountId::of(owner, usd()));
    books.open_account(broken, "0").await.unwrap();
    books.open_account(sound, "10").await.unwrap();
    let damage = format!("update events set metadata = '{{}}' where aggregate_id = '{broken_id}'");
    books.db.tamper(&damage).await;
    books.db.tamper(&format!("delete from account_balances where account_id = '{broken_id}'")).await;

    // The sound one goes by locks, and has to be read anew.
    let cold = books.second_ledger().await;
    books.charge_on(&cold, sound_id, "here", "1").await.unwrap();
    books.charge(sound_id, "elsewhere", "1").await.unwrap();
    cold.failpoints().lose("before_commit");
    let lost = books.charge_on(&cold, sound_id, "lost", "1").await;
    assert!(matches!(lost, Err(LedgerError::Unavailable(_))), "{lost:?}");
    let again = async |owner| {
        let open = Open { owner, currency: usd(), credit_limit: money("0") };
        cold.open(&books.platform.call(key("again")), open).await.unwrap_err().code().to_owned()
    };
    let (_, of_sound) = futures::join!(again(broken), again(sound));
    assert_eq!(of_sound, "account_exists");
    cold.close().await;
    books.ledger.close().await;
    books.db.remove().await;
}
