//! Many callers, several processes, one database: the floor is exact, and nobody is left behind.

use std::time::Duration;

use futures::future::join_all;
use ledger_core::{LedgerError, Rejection};
use ledger_tests::{Books, money};

#[tokio::test(flavor = "multi_thread")]
async fn money_for_exactly_1000_charges_pays_for_exactly_1000_charges() {
    Books::run(async |books| {
        let account = books.account("10.00").await;
        let second = books.second_ledger().await;
        let caller = async |caller: usize| {
            let ledger = if caller.is_multiple_of(2) { &books.ledger } else { &second };
            let mut paid = 0;
            for attempt in 0..20 {
                match books.charge_on(ledger, account, &format!("{caller}/{attempt}"), "0.01").await {
                    Ok(_) => paid += 1,
                    Err(LedgerError::Rejected { rejection: Rejection::InsufficientFunds { .. }, .. }) => {}
                    Err(error) => panic!("caller {caller}: {error}"),
                }
            }
            paid
        };
        let paid: usize = join_all((0..64).map(caller)).await.iter().sum();
        assert_eq!(paid, 1_000);
        assert_eq!(books.balance(account).await.row.balance, money("0"));
        second.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_opened_everywhere_at_once_is_opened_once() {
    Books::run(async |books| {
        let owner = ledger_core::Owner::User(uuid::Uuid::from_u128(1));
        let second = books.second_ledger().await;
        let open = async |idx: usize| {
            let ledger = if idx.is_multiple_of(2) { &books.ledger } else { &second };
            let open = ledger_core::Open { owner, currency: ledger_tests::usd(), credit_limit: money("0") };
            ledger.open(&books.platform.call(ledger_tests::key(&idx.to_string())), open).await
        };
        let opened = join_all((0..20).map(open)).await;
        assert_eq!(opened.iter().filter(|answer| answer.is_ok()).count(), 1);
        let refused = opened.iter().filter_map(|answer| answer.as_ref().err());
        assert!(refused.into_iter().all(|error| error.code() == "account_exists"));
        second.close().await;
    })
    .await;
}

/// Hang-ups at random moments, of writes and of reads that run in transactions.
#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_callers_hang_up_and_nothing_is_lost_or_leaked() {
    Books::run(async |books| {
        let account = books.account("20.00").await;
        let call = async |idx: u64| {
            // A spread of moments without a random number: 7919 is prime, so these are 2,000 different ones from 0 to 20 ms.
            let patience = Duration::from_micros(idx * 7_919 % 20_000);
            let name = format!("call {idx}");
            let work = async {
                books.charge(account, &name, "0.01").await.unwrap();
                books.ledger.balance(&books.platform, account).await.unwrap();
            };
            tokio::time::timeout(patience, work).await.is_err()
        };
        let mut hung_up = 0;
        for wave in 0..20 {
            hung_up += join_all((wave * 100..(wave + 1) * 100).map(call)).await.iter().filter(|gone| **gone).count();
        }
        assert!(hung_up > 100, "only {hung_up} hung up: the test shows nothing");

        // The same key tells: every call has happened exactly once when its caller has come back.
        for idx in 0..2_000 {
            books.charge(account, &format!("call {idx}"), "0.01").await.unwrap();
        }
        let balance = books.balance(account).await;
        assert_eq!((balance.row.balance, balance.row.balance_version), (money("0"), 2_002));

        let mut superuser = books.db.superuser().await;
        let stored: i64 = sqlx::query_scalar("select count(*) from events").fetch_one(&mut superuser).await.unwrap();
        assert_eq!(stored, 2_002, "what was acknowledged is visible from another connection");
        let leaked = "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in%'";
        let leaked: i64 = sqlx::query_scalar(leaked).fetch_one(&mut superuser).await.unwrap();
        assert_eq!(leaked, 0, "no session is idle in a transaction");
    })
    .await;
}
