//! Out of service and back: who takes an account out, and that nobody but a named person lets it in again.

use ledger_core::{AccountId, AuditorError, CheckName, Difference, LedgerError};
use ledger_tests::{Books, label, money};
use sqlx::Executor;

/// Charges five times, and then makes it undone behind the ledger's back: entries and row, in a way that shows no trace.
async fn lose_five_charges(books: &Books, account: AccountId) {
    let mut superuser = books.db.superuser().await;
    superuser.execute("create table before as select * from account_balances").await.unwrap();
    let columns = "select string_agg(format('%1$I = s.%1$I', attname), ', ') from pg_attribute
        where attrelid = 'account_balances'::regclass and attnum > 0 and not attisdropped";
    let columns: String = sqlx::query_scalar(columns).fetch_one(&mut superuser).await.unwrap();
    for idx in 0..5 {
        books.charge(account, &format!("acknowledged {idx}"), "1").await.unwrap();
    }
    books.db.tamper("delete from events where sequence > (select balance_version from before)").await;
    books.db.tamper(&format!("update account_balances b set {columns} from before s")).await;
}

async fn quarantine_reason(books: &Books) -> String {
    let mut superuser = books.db.superuser().await;
    sqlx::query_scalar("select reason from quarantine").fetch_one(&mut superuser).await.unwrap()
}

#[tokio::test]
async fn what_a_warm_process_has_seen_no_audit_takes_back() {
    Books::run(async |books| {
        let account = books.account("10").await;
        lose_five_charges(books, account).await;
        let verdict = books.audit().await;
        assert!(verdict.is_sound(), "nothing in the database shows it: {verdict}");

        let refused = books.charge(account, "the next one", "1").await.unwrap_err();
        assert!(
            matches!(refused, LedgerError::Quarantined),
            "the process that had it warm has seen it: {refused}"
        );

        let fresh = books.second_ledger().await;
        for _ in 0..2 {
            let verdict = books.audit().await;
            let seen = verdict.check(CheckName::QuarantineEmpty);
            assert!(!verdict.is_sound() && !seen.sound, "{verdict}");
            assert_eq!(seen.findings[0].account, Some(account));
            assert!(seen.findings[0].text.ends_with(&quarantine_reason(books).await), "{verdict}");
            let again = books.charge_on(&fresh, account, "acknowledged 3", "1").await.unwrap_err();
            assert!(matches!(again, LedgerError::Quarantined), "the audit has let it back in: {again}");
        }
        fresh.close().await;
        books.release(account).await;
    })
    .await;
}

#[tokio::test]
async fn a_release_is_in_somebodys_name_and_on_record_with_what_was_seen() {
    Books::run(async |books| {
        let account = books.account("10").await;
        books.db.tamper("update account_balances set balance_version = 9").await;
        let fresh = books.second_ledger().await;
        books.charge_on(&fresh, account, "one", "1").await.unwrap_err();
        let seen = quarantine_reason(books).await;
        let auditor = books.auditor().await;
        let (jane, why) = (label("jane"), label("the row was tried out on"));

        let refused = auditor.release(account, &jane, &why).await.unwrap_err();
        assert!(matches!(refused, AuditorError::Unsound(Difference::Ahead { .. })), "{refused}");
        let repaired = auditor.repair(account, &jane).await.unwrap();
        assert_eq!(repaired.quarantine.as_ref(), Some(&seen), "a repair does not release");
        let refused = books.charge_on(&fresh, account, "one", "1").await.unwrap_err();
        assert!(matches!(refused, LedgerError::Quarantined), "{refused}");

        assert_eq!(auditor.release(account, &jane, &why).await.unwrap(), Some(seen.clone()));
        assert_eq!(auditor.release(account, &jane, &why).await.unwrap(), None, "it is in service");
        books.charge_on(&fresh, account, "one", "1").await.unwrap();

        let records = "select account_id = $1 and realm_id = (select realm_id from account_balances)
            and quarantined_since < released_at, actor, reason, quarantine_reason from releases";
        let mut superuser = books.db.superuser().await;
        let records: Vec<(bool, String, String, String)> =
            sqlx::query_as(records).bind(account.0).fetch_all(&mut superuser).await.unwrap();
        assert_eq!(records, [(true, "jane".into(), "the row was tried out on".into(), seen)]);
        assert_eq!(books.balance(account).await.row.balance, money("9"));
        auditor.close().await;
        fresh.close().await;
    })
    .await;
}

#[tokio::test]
async fn an_audit_takes_what_does_not_hold_out_of_service_if_it_is_told_to() {
    let books = Books::open().await;
    let mut accounts = Vec::new();
    for _ in 0..4 {
        let account = books.account("10").await;
        books.charge(account, "one", "1").await.unwrap();
        accounts.push(account);
    }
    let [broken, differing, explained, sound] = accounts[..] else { panic!("there are four") };
    let sql = format!(
        "update events set metadata = '{{}}' where sequence = 3 and aggregate_id in ('{broken}', '{explained}');
         update account_balances set balance = 99 where account_id = '{differing}'"
    );
    books.db.tamper(&sql).await;
    let auditor = books.auditor().await;
    let verdict = auditor.audit().await.unwrap();
    let (_, known) = verdict.findings().find(|(_, finding)| finding.account == Some(explained)).unwrap();
    auditor.acknowledge(&[&known.name], &label("jane"), &label("it was me")).await.unwrap();
    let mut superuser = books.db.superuser().await;
    let select = "select account_id, reason from quarantine";
    let nobody = superuser.fetch_all(select).await.unwrap();
    assert!(nobody.is_empty(), "an audit that was not told to takes nobody out of service");

    let verdict = auditor.audit_and_quarantine().await.unwrap();

    assert_eq!(verdict.quarantined, 2, "{verdict}");
    assert!(verdict.to_string().contains("Taken out of service by this audit: 2"), "{verdict}");
    let rows: Vec<(sqlx::types::Uuid, String)> =
        sqlx::query_as(select).fetch_all(&mut superuser).await.unwrap();
    let rows: std::collections::BTreeMap<_, _> =
        rows.into_iter().map(|(id, reason)| (AccountId(id), reason)).collect();
    assert_eq!(rows.len(), 2);
    assert!(rows[&broken].starts_with("an audit: ") && rows[&broken].contains("entry 3"), "{rows:?}");
    assert!(rows[&differing].contains("balance is 99 in the balance row and 9 by the journal"), "{rows:?}");
    let fresh = books.second_ledger().await;
    for (process, ledger) in [("a fresh", &fresh), ("a warm", &books.ledger)] {
        for account in [broken, differing] {
            let refused = books.charge_on(ledger, account, "two", "1").await.unwrap_err();
            assert!(matches!(refused, LedgerError::Quarantined), "{process} process: {refused}");
        }
    }
    books.charge_on(&fresh, sound, "two", "1").await.unwrap();
    fresh.close().await;
    auditor.close().await;
    books.ledger.close().await;
    books.db.remove().await;
}
