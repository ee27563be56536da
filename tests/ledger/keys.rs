//! A key has exactly one outcome, whoever asks and whatever they had seen.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use futures::future::join_all;
use ledger_core::{Caller, Charge, Ledger, LedgerError, Receipt, Rejection};
use ledger_tests::{Books, amount, key, label, money, usd};
use uuid::Uuid;

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
        let charge = books.charge(account, "k", "1").await.unwrap();
        books.charge(account, "refused", "1000").await.unwrap_err();
        let cold = books.second_ledger().await;
        for ledger in [&books.ledger, &cold] {
            let refused = books.charge_on(ledger, account, "refused", "2").await.unwrap_err();
            assert!(matches!(refused, LedgerError::KeyReused { entry: None }), "{refused}");
            let reused = books.charge_on(ledger, account, "k", "2").await.unwrap_err();
            let LedgerError::KeyReused { entry } = reused else { panic!("{reused}") };
            assert_eq!(entry, Some(charge.id), "the original is named");
            assert!(books.charge_on(ledger, account, "k", "1").await.unwrap().replayed);
        }
        cold.close().await;
        assert_eq!(books.balance(account).await.row.balance, money("99"));
    })
    .await;
}

#[tokio::test]
async fn a_retry_may_come_from_another_caller_of_the_platform_and_spell_its_amount_otherwise() {
    Books::run(async |books| {
        let account = books.account("100").await;
        let realm = books.balance(account).await.row.owner.realm();
        let first = books.charge(account, "k", "1.50").await.unwrap();
        let cold = books.second_ledger().await;
        let rotated =
            [Caller::platform(label("gateway:2")), Caller::platform(label("gateway:3")).within(realm)];
        for (ledger, caller) in [&books.ledger, &cold].into_iter().zip(&rotated) {
            let charge =
                Charge { amount: amount("1.5"), currency: usd(), effective_at: None, reference: None };
            let again = ledger.charge(&caller.call(key("k")), account, charge).await.unwrap();
            assert_eq!((again.replayed, again.id), (true, first.id));
        }
        cold.close().await;
    })
    .await;
}

/// Two users and the platform use the same thousand keys, through two ledgers at once, each of them twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_keys_in_three_namespaces_at_once_are_three_thousand_entries() {
    Books::run(async |books| {
        let account = books.account("10000").await;
        let realm = books.balance(account).await.row.owner.realm();
        let user = |id| Caller::of_realm(realm, Uuid::from_u128(id), label("key:1"));
        let callers = [books.platform.clone(), user(1), user(2)];
        let second = books.second_ledger().await;
        let send = async |caller: &Caller, ledger: &Ledger, idx: u32| {
            let charge = Charge { amount: amount("1"), currency: usd(), effective_at: None, reference: None };
            ledger.charge(&caller.call(key(&format!("k{idx}"))), account, charge).await.unwrap()
        };
        let sent = callers.iter().enumerate().flat_map(|(of, caller)| {
            let ledgers = [&books.ledger, &second].into_iter();
            let wishes = ledgers.flat_map(|ledger| (0..1_000).map(move |idx| (ledger, idx)));
            wishes.map(move |(ledger, idx)| async move { ((of, idx), send(caller, ledger, idx).await) })
        });
        let mut entries = BTreeMap::new();
        let mut first = 0;
        for (wish, receipt) in join_all(sent).await {
            first += usize::from(!receipt.replayed);
            assert_eq!(*entries.entry(wish).or_insert(receipt.id), receipt.id, "{wish:?}");
        }
        let distinct: BTreeSet<_> = entries.values().collect();
        assert_eq!((first, distinct.len()), (3_000, 3_000));
        assert_eq!(books.balance(account).await.row.balance, money("7000"));
        second.close().await;
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
        let currency = "EUR".parse().unwrap();
        let eur = Charge { amount: amount("1"), currency, effective_at: None, reference: None };
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
        let charge = || Charge { amount: amount("1"), currency: usd(), effective_at: None, reference: None };
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

/// A refusal that has ceased to bind lies there until it is swept away. Whoever's clock is behind still takes it for binding.
#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_the_outcome_also_for_a_clock_in_which_an_old_refusal_binds_still() {
    Books::run(async |books| {
        let account = books.account("10").await;
        books.charge(account, "k", "100").await.unwrap_err();
        books.top_up(account, "more", "1000").await.unwrap();
        let (here, behind) = (books.second_ledger().await, books.second_ledger().await);
        let ceased = "update refusals set refused_at = clock_timestamp() - interval '30 days 1 second'";
        books.db.tamper(ceased).await;
        assert!(!books.charge_on(&here, account, "k", "100").await.unwrap().replayed);
        behind.set_clock_back(TimeDelta::seconds(20));
        assert!(books.charge_on(&behind, account, "k", "100").await.expect("it is done").replayed);
        here.close().await;
        behind.close().await;
    })
    .await;
}
