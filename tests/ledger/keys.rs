//! A key has exactly one outcome, whoever asks and whatever they had seen.

use futures::future::join_all;
use ledger_core::{Charge, LedgerError, Receipt, Rejection};
use ledger_tests::{Books, amount, key, money, usd};

#[tokio::test(flavor = "multi_thread")]
async fn one_key_sent_fifty_times_at_once_is_one_entry_and_fifty_equal_answers() {
    Books::run(async |books| {
        let account = books.account("100").await;
        let second = books.second_ledger().await;
        let send = async |idx: usize| {
            let ledger = if idx.is_multiple_of(2) { &books.ledger } else { &second };
            books.charge_on(ledger, account, "the key", "1").await.unwrap()
        };
        let receipts = join_all((0..50).map(send)).await;
        assert_eq!(
            receipts.iter().filter(|receipt| !receipt.replayed).count(),
            1,
            "one did it, the others are told so"
        );
        let plain = |receipt: &Receipt| Receipt { replayed: false, ..receipt.clone() };
        assert!(receipts.iter().all(|receipt| plain(receipt) == plain(&receipts[0])));
        assert_eq!(books.balance(account).await.row.balance, money("99"));
        second.close().await;
    })
    .await;
}

#[tokio::test]
async fn the_same_key_for_another_request_is_refused_warm_and_cold() {
    Books::run(async |books| {
        let account = books.account("100").await;
        books.charge(account, "k", "1").await.unwrap();
        let cold = books.second_ledger().await;
        for ledger in [&books.ledger, &cold] {
            let reused = books.charge_on(ledger, account, "k", "2").await.unwrap_err();
            assert!(matches!(reused, LedgerError::KeyReused), "{reused}");
            assert!(books.charge_on(ledger, account, "k", "1").await.unwrap().replayed);
        }
        cold.close().await;
        assert_eq!(books.balance(account).await.row.balance, money("99"));
    })
    .await;
}

#[tokio::test]
async fn keys_of_two_accounts_never_interact() {
    Books::run(async |books| {
        let (one, two) = (books.account("1").await, books.account("0").await);
        books.charge(one, "k", "1").await.unwrap();
        assert_eq!(books.charge(two, "k", "1").await.unwrap_err().code(), "insufficient_funds");
        books.top_up(two, "more", "5").await.unwrap();
        assert!(books.charge(one, "k", "1").await.unwrap().replayed);
        assert_eq!(refusal(books.charge(two, "k", "1").await), (Some("insufficient_funds"), true));
    })
    .await;
}

/// The refusal is stored first. Then money comes, through a process that has not seen the refusal.
#[tokio::test]
async fn a_refusal_stays_one_for_a_process_that_has_not_seen_it() {
    Books::run(async |books| {
        let account = books.account("0").await;
        let other = books.second_ledger().await;
        books.charge_on(&other, account, "warm up", "1").await.unwrap_err();
        let refused = books.charge(account, "k", "5").await;
        assert_eq!(refusal(refused), (Some("insufficient_funds"), false));

        // The other process decides the top-up on a state before the refusal: fenced, decided again, right.
        books.top_up(account, "money", "10").await.unwrap();
        assert_eq!(
            refusal(books.charge_on(&other, account, "k", "5").await),
            (Some("insufficient_funds"), true)
        );
        assert_eq!(refusal(books.charge(account, "k", "5").await), (Some("insufficient_funds"), true));
        books.charge_on(&other, account, "another key", "5").await.unwrap();
        other.close().await;
    })
    .await;
}

/// The refusal is decided first, and stands at the gate of the append while money comes through another process.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_decided_before_the_money_came_is_decided_again() {
    Books::run(async |books| {
        let account = books.account("0").await;
        let late = books.second_ledger().await;
        let gate = late.failpoints().close("before_append");
        let (charged, ()) = futures::join!(books.charge_on(&late, account, "k", "5"), async {
            gate.arrived().await;
            books.top_up(account, "money", "10").await.unwrap();
            gate.open();
        });
        let receipt = charged.expect("the money was there before the refusal could be stored");
        assert_eq!((receipt.after().main, receipt.replayed), (money("5"), false));
        late.close().await;
    })
    .await;
}

/// The other way round: a success is decided first, and the key's refusal is stored before it can be.
#[tokio::test(flavor = "multi_thread")]
async fn a_success_decided_before_the_keys_refusal_was_stored_becomes_that_refusal() {
    Books::run(async |books| {
        let account = books.account("5").await;
        let late = books.second_ledger().await;
        let gate = late.failpoints().close("before_append");
        let (charged, ()) = futures::join!(books.charge_on(&late, account, "k", "5"), async {
            gate.arrived().await;
            books.charge(account, "spend it", "5").await.unwrap();
            books.charge(account, "k", "5").await.unwrap_err();
            books.top_up(account, "money", "10").await.unwrap();
            gate.open();
        });
        assert_eq!(refusal(charged), (Some("insufficient_funds"), true));
        late.close().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_not_found_or_malformed_leaves_the_key_unused() {
    Books::run(async |books| {
        let account = books.account("5").await;
        let charge = books.charge(account, "c", "1").await.unwrap().id;
        let eur = ledger_core::Charge {
            amount: "1".parse().unwrap(),
            currency: "EUR".parse().unwrap(),
            effective_at: None,
        };
        let call = books.platform.call(ledger_tests::key("k"));
        let error = books.ledger.charge(&call, account, eur).await.unwrap_err();
        assert_eq!(error.code(), "no_account_in_currency");
        assert!(!books.refund(charge, "k", None).await.unwrap().replayed, "the key was still free");
    })
    .await;
}

/// A retry whose request would now be refused for another reason is still a retry, also for a process that has just started.
#[tokio::test]
async fn a_retry_is_known_cold_even_where_it_would_be_refused_today() {
    Books::run(async |books| {
        let account = books.account("1").await;
        books.top_up(account, "all there is", "999999999999990").await.unwrap();
        let charge = || Charge { amount: amount("1"), currency: usd(), effective_at: None };
        let guarded = || books.platform.call(key("guarded")).if_version(3);
        books.ledger.charge(&guarded(), account, charge()).await.unwrap();
        let cold = books.second_ledger().await;
        assert!(cold.charge(&guarded(), account, charge()).await.unwrap().replayed, "not stale");
        cold.close().await;

        let cold = books.second_ledger().await;
        let again = books.top_up_on(&cold, account, "all there is", "999999999999990").await.unwrap();
        assert!(again.replayed, "not out of range");
        cold.close().await;
    })
    .await;
}

fn refusal(answer: Result<Receipt, LedgerError>) -> (Option<&'static str>, bool) {
    match answer {
        Err(LedgerError::Rejected { rejection, replayed }) => {
            assert!(matches!(rejection, Rejection::InsufficientFunds { .. }));
            (Some(rejection.code()), replayed)
        }
        Err(error) => panic!("{error}"),
        Ok(_) => (None, false),
    }
}
