//! Two processes on one database: neither may answer from what it remembers when the other has moved on.

use futures::future::join_all;
use ledger_core::{AccountId, Charge, Ledger, LedgerError, Open, Owner, Receipt, Rejection};
use ledger_tests::{Books, amount, key, money, usd};
use uuid::Uuid;

/// One process looks for accounts again and again, while the other opens them and brings them on.
#[tokio::test(flavor = "multi_thread")]
async fn accounts_opened_and_moved_at_once_everywhere_stay_in_service() {
    Books::run(async |books| {
        let second = books.second_ledger().await;
        let account_of = |owner: u128| AccountId::of(Owner::Tenant(Uuid::from_u128(owner)), usd());
        let open = async |owner: u128| {
            let open = Open {
                owner: Owner::Tenant(Uuid::from_u128(owner)),
                currency: usd(),
                credit_limit: money("0"),
            };
            second.open(&books.platform.call(key("open")), open).await.unwrap();
            for name in ["one", "two", "three"] {
                books.top_up_on(&second, account_of(owner), name, "1").await.unwrap();
            }
        };
        let look = async |owner: u128| {
            for attempt in 0.. {
                match books.charge(account_of(owner), &format!("look {attempt}"), "0.1").await {
                    Ok(_) => return,
                    Err(LedgerError::NotFound | LedgerError::Busy) => {}
                    // Opened, and the money is still to come.
                    Err(LedgerError::Rejected { rejection: Rejection::InsufficientFunds { .. }, .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        };
        for wave in 0..100 {
            // Few at a time, so that the opening of one is not the opening of all.
            let owners = wave * 4 + 1..(wave + 1) * 4 + 1;
            futures::join!(join_all(owners.clone().map(look)), join_all(owners.map(open)));
        }
        second.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_dry_run_and_a_guard_are_told_of_what_another_process_has_done() {
    Books::run(async |books| {
        let account = books.account("0").await;
        let second = books.second_ledger().await;
        let ask = async |sum: &str, version: u64| -> Result<Receipt, LedgerError> {
            let charge = Charge { amount: amount(sum), currency: usd(), effective_at: None, reference: None };
            let call = books.platform.call(key("ask")).if_version(version).dry_run();
            second.charge(&call, account, charge).await
        };
        assert_eq!(ask("1", 1).await.unwrap_err().code(), "insufficient_funds");

        // The second process has the account in memory, and the first one moves it.
        books.top_up(account, "money", "5").await.unwrap();
        let shown = ask("2", 2).await.expect("the money is there");
        assert_eq!((shown.after().main, shown.version()), (money("3"), 3));
        books.charge(account, "spend it", "5").await.unwrap();
        assert_eq!(ask("2", 3).await.unwrap_err().code(), "insufficient_funds");
        books.top_up(account, "more", "7").await.unwrap();
        assert!(matches!(ask("2", 3).await, Err(LedgerError::Stale)));

        let guarded = async |ledger: &Ledger, name: &str, version: u64| {
            let charge = Charge { amount: amount("1"), currency: usd(), effective_at: None, reference: None };
            ledger.charge(&books.platform.call(key(name)).if_version(version), account, charge).await
        };
        guarded(&books.ledger, "first", 4).await.unwrap();
        guarded(&second, "second", 5).await.expect("it is at 5, whatever this process remembers");
        second.close().await;
    })
    .await;
}
