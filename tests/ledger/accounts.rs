//! Open, top up, charge, refund: what an embedder does first.

use ledger_core::{LedgerError, Rejection};
use ledger_tests::{Books, amount, money};

#[tokio::test]
async fn a_charge_takes_from_the_balance_and_a_refund_gives_back() {
    Books::run(async |books| {
        let account = books.account("100.00").await;

        let charge = books.charge(account, "one", "30.5").await.unwrap();
        assert_eq!((charge.before.main, charge.after().main), (money("100"), money("69.5")));
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
