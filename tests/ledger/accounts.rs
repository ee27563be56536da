//! Open, top up, charge, refund: what an embedder does first.

use ledger_core::{Charge, ChargeBack, LedgerError, RefundTopUp, Rejection};
use ledger_tests::{Books, amount, key, money, usd};

#[tokio::test]
async fn a_charge_takes_from_the_balance_and_a_refund_gives_back() {
    Books::run(async |books| {
        let account = books.account("100.00").await;

        let charge = books.charge(account, "one", "30.5").await.unwrap();
        assert_eq!((charge.balance_before(), charge.after().main), (money("100"), money("69.5")));
        let refund = books.refund(charge.id, "back", Some("10")).await.unwrap();
        assert_eq!(refund.after().main, money("79.5"));

        let too_much = books.refund(charge.id, "too much", Some("20.51")).await.unwrap_err();
        assert_eq!(too_much.code(), "refund_exceeds_charge");
        books.refund(charge.id, "the rest", None).await.unwrap();
        assert_eq!(books.balance(account).await.row.balance, money("100"));
        assert_eq!(books.balance(account).await.row.balance_version, 5);
    })
    .await;
}

#[tokio::test]
async fn a_charge_beyond_the_balance_is_refused_and_leaves_no_trace() {
    Books::run(async |books| {
        let account = books.account("1.00").await;
        let refused = books.charge(account, "big", "1.01").await.unwrap_err();
        let LedgerError::Rejected { rejection, replayed: false } = refused else { panic!("{refused}") };
        assert_eq!(rejection, Rejection::InsufficientFunds { available: money("1"), amount: amount("1.01") });
        assert_eq!(books.balance(account).await.row.balance_version, 2, "opened and topped up");
    })
    .await;
}

#[tokio::test]
async fn money_out_follows_its_top_up_and_a_chargeback_is_forced() {
    Books::run(async |books| {
        let account = books.account("0").await;
        let top_up = books.top_up(account, "in", "10").await.unwrap().id;
        books.charge(account, "used", "8").await.unwrap();
        let out = |amount_out: &str| RefundTopUp { top_up, amount: Some(amount(amount_out)) };
        let call = |name: &str| books.platform.call(key(name));
        let refused = books.ledger.refund_top_up(&call("too much"), out("2.01")).await.unwrap_err();
        assert_eq!(refused.code(), "insufficient_funds");
        books.ledger.refund_top_up(&call("out"), out("2")).await.unwrap();
        let taken =
            books.ledger.charge_back(&call("bank"), ChargeBack { top_up, amount: None }).await.unwrap();
        assert_eq!((taken.balance_before(), taken.after().forced_debt), (money("0"), money("8")));
        let again =
            books.ledger.charge_back(&call("again"), ChargeBack { top_up, amount: None }).await.unwrap_err();
        assert_eq!(again.code(), "refund_exceeds_top_up");
        assert_eq!(books.balance(account).await.row.outstanding_amount, money("8"));
    })
    .await;
}

#[tokio::test]
async fn a_version_guards_a_write_and_a_dry_run_leaves_nothing() {
    Books::run(async |books| {
        let account = books.account("10").await;
        let charge = || Charge { amount: amount("4"), currency: usd(), effective_at: None, reference: None };
        let call = || books.platform.call(key("k"));
        let stale = books.ledger.charge(&call().if_version(1), account, charge()).await.unwrap_err();
        assert!(matches!(stale, LedgerError::Stale), "{stale}");
        let dry = books.ledger.charge(&call().dry_run(), account, charge()).await.unwrap();
        assert_eq!((dry.version(), dry.after().main), (3, money("6")));
        assert_eq!(books.balance(account).await.row.balance, money("10"), "it was only asked about");
        let real = books.ledger.charge(&call().if_version(2), account, charge()).await.unwrap();
        assert_eq!((real.id, real.replayed), (dry.id, false), "the key was still free");
    })
    .await;
}
