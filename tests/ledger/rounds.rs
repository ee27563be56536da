//! What is decided together, and what happens to it when an answer is lost or a lane panics.

use ledger_core::{AccountId, EntryId, Ledger, LedgerError};
use ledger_tests::{Books, money};

/// Makes the ledger meet another process on the account, so that its next command is decided under locks.
async fn contend(books: &Books, account: AccountId) -> Ledger {
    let other = books.second_ledger().await;
    books.charge(account, "here", "1").await.unwrap();
    books.charge_on(&other, account, "there", "1").await.unwrap();
    other
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_lost_after_the_append_is_resolved_by_the_same_key_in_every_process() {
    Books::run(async |books| {
        let account = books.account("10").await;
        let other = books.second_ledger().await;
        books.ledger.failpoints().lose("after_append");
        let lost = books.charge(account, "k", "4").await;
        assert!(matches!(lost, Err(LedgerError::Unavailable(_))), "{lost:?}");
        assert_eq!(books.balance(account).await.row.balance, money("6"), "it has happened");
        for ledger in [&books.ledger, &other] {
            assert!(books.charge_on(ledger, account, "k", "4").await.unwrap().replayed);
        }
        books.charge(account, "next", "6").await.expect("the lane goes on from what was stored");
        other.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_lost_under_locks_is_resolved_by_the_same_key() {
    Books::run(async |books| {
        for (gate, has_happened) in [("before_commit", false), ("after_commit", true)] {
            let account = books.account("10").await;
            let other = contend(books, account).await;
            books.ledger.failpoints().lose(gate);
            let lost = books.charge(account, "k", "4").await;
            assert!(matches!(lost, Err(LedgerError::Unavailable(_))), "{gate}: {lost:?}");
            let left = if has_happened { "4" } else { "8" };
            assert_eq!(books.balance(account).await.row.balance, money(left), "{gate}");
            let told = books.charge(account, "k", "4").await.unwrap();
            assert_eq!(told.replayed, has_happened, "{gate}");
            assert!(books.charge_on(&other, account, "k", "4").await.unwrap().replayed, "{gate}");
            other.close().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_anywhere_in_a_round_is_an_unknown_outcome_and_the_lane_goes_on() {
    Books::run(async |books| {
        for place in ["before_append", "after_append", "before_commit", "after_commit"] {
            let (account, neighbour) = (books.account("10").await, books.account("10").await);
            // Before the append the ledger knows of nobody else; the commit is for those who met somebody.
            let other = if place.ends_with("commit") {
                contend(books, account).await
            } else {
                books.second_ledger().await
            };
            books.ledger.failpoints().panic(place);
            let lost = books.charge(account, "k", "4").await;
            assert!(matches!(lost, Err(LedgerError::Unavailable(_))), "{place}: {lost:?}");
            let told = books.charge(account, "k", "4").await.expect("the lane goes on");
            assert_eq!(told.replayed, place.starts_with("after"), "{place}");
            books.charge(neighbour, "k", "4").await.expect("the others go on");
            other.close().await;
        }
    })
    .await;
}

/// A charge, a refund of it and a refund of that refund are read in one question: the refund must count once.
#[tokio::test(flavor = "multi_thread")]
async fn a_refund_counts_once_also_beside_a_refund_of_it() {
    Books::run(async |books| {
        let account = books.account("20").await;
        let charge = books.charge(account, "c", "10").await.unwrap().id;
        let refund = books.refund(charge, "r", Some("4")).await.unwrap().id;
        let cold = books.second_ledger().await;
        let give_back = async |entry: EntryId, name: &str, sum: &str| {
            let refund = ledger_core::Refund { charge: entry, amount: Some(ledger_tests::amount(sum)) };
            cold.refund(&books.platform.call(ledger_tests::key(name)), refund).await
        };
        // Both wait behind the gate, and are then decided together.
        let gate = cold.failpoints().close("before_append");
        let (first, rest, of_refund, ()) = futures::join!(
            books.charge_on(&cold, account, "first", "1"),
            give_back(charge, "the rest", "6"),
            give_back(refund, "of a refund", "1"),
            async {
                gate.arrived().await;
                gate.open();
            }
        );
        first.unwrap();
        assert_eq!(rest.expect("6 of 10 are left").after().main, money("19"));
        assert_eq!(of_refund.unwrap_err().code(), "charge_not_found");
        cold.close().await;
    })
    .await;
}
