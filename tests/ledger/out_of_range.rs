//! What PostgreSQL can store and Rust cannot hold: it is a finding like any other, and stops nobody.

use ledger_core::{CheckName, Format, Replay, Selection};
use ledger_tests::label;

use crate::tamper::{CHARGE, LAST, books, tampered};

/// What PostgreSQL can store in a balance row and nobody can pay.
const UNREADABLE: [&str; 9] = [
    "balance = 1e30",
    "balance = 'NaN'",
    "balance = 'infinity'",
    "frozen_balance = 1e-30",
    "outstanding_amount = '-infinity'",
    "credit_limit = 1e20",
    "forced_debt = 1e-13",
    "last_charged_at = 'infinity'",
    "updated_at = '-infinity'",
];

#[tokio::test]
async fn a_balance_row_that_cannot_be_read_is_named_and_mended() {
    let (books, account) = books().await;
    let auditor = books.auditor().await;
    for set in UNREADABLE {
        books.db.tamper(&format!("update account_balances set {set} where account_id = '{account}'")).await;

        let verdict = auditor.audit().await.unwrap();

        let found = &verdict.check(CheckName::BalancesEqualFold).findings[0];
        assert_eq!((found.account, found.sequence), (Some(account), Some(LAST)), "{set}\n{verdict}");
        assert!(found.text.starts_with("the balance row cannot be read: "), "{set}\n{verdict}");
        let exported = auditor.export(Format::Csv, &Selection::default(), &mut std::io::sink()).await;
        let refused = exported.unwrap_err().to_string();
        assert!(refused.contains("the balance row cannot be read"), "{refused}");
        let mend = Replay::Mend(label("jane"));
        let replayed = auditor.replay(&mend, |_, mended| assert!(mended, "{set}")).await.unwrap();
        assert_eq!((replayed.different, replayed.mended), (1, 1), "{set}");
        let verdict = auditor.audit().await.unwrap();
        assert!(verdict.is_sound(), "{set}\n{verdict}");
    }
    auditor.close().await;
    books.ledger.close().await;
    books.db.remove().await;
}

#[tokio::test]
async fn a_count_that_no_entry_can_have() {
    let sql = "alter table account_balances drop constraint account_balances_floor;
        update account_balances set balance_version = 4611686018427387904, balance = -1 where account_id = $account";
    let text = tampered(sql, CheckName::BalancesEqualFold, LAST + 1).await;
    assert!(text.contains("the journal ends at 6, the balance row at 4611686018427387904"), "{text}");
    let sql =
        "update events set sequence = 4611686018427387904 where aggregate_id = $account and sequence = 6";
    tampered(sql, CheckName::StreamsDense, LAST).await;
}

#[tokio::test]
async fn an_infinite_time_of_recording() {
    let sql = "update events set recorded_at = 'infinity' where aggregate_id = $account and sequence = 3";
    tampered(sql, CheckName::EventsFold, CHARGE).await;
    let sql = "update events set recorded_at = '294000-01-01' where aggregate_id = $account and sequence = 3";
    tampered(sql, CheckName::EventsFold, CHARGE).await;
}

#[tokio::test]
async fn an_infinite_time_of_storing() {
    let sql = "update events set stored_at = 'infinity' where aggregate_id = $account and sequence = 3";
    tampered(sql, CheckName::TimesAgree, CHARGE).await;
}
