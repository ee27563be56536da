//! Rows that somebody else holds, and servers that say nothing: whose trouble it is, and for how long.

use std::time::{Duration, Instant};

use ledger_core::LedgerError;
use ledger_tests::{Books, money};
use sqlx::{Connection, Executor};

/// How long nobody may be kept waiting by a row that is not theirs. The locked row itself is given up after two seconds.
const UNDISTURBED: Duration = Duration::from_millis(1_500);

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_row_keeps_its_own_callers_waiting_and_nobody_else() {
    Books::run(async |books| {
        let (locked, other) = (books.account("10").await, books.account("10").await);
        let mut superuser = books.db.superuser().await;
        let mut tx = superuser.begin().await.unwrap();
        let lock = format!("select 1 from account_balances where account_id = '{locked}' for update");
        tx.execute(lock.as_str()).await.unwrap();

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
        tx.rollback().await.unwrap();
        assert!(!books.charge(locked, "k", "1").await.unwrap().replayed, "it had not happened");
        assert_eq!(books.balance(other).await.row.balance, money("7"));
        superuser.close().await.unwrap();
    })
    .await;
}
