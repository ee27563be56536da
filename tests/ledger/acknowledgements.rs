//! A finding that somebody has explained stays in sight, and no longer makes the books unsound. Another one does.

use ledger_core::{Acknowledgement, AuditorError, CheckName};
use ledger_tests::{Books, label};
use sqlx::Executor;

/// A process was stopped between deciding and storing, and went on: the entry is stored minutes after it was decided.
const LATE: &str = "update events set stored_at = stored_at + interval '6 minutes' where sequence = ";

#[tokio::test]
async fn an_explained_finding_stays_in_sight_and_makes_nothing_unsound() {
    let books = Books::open().await;
    let account = books.account("10").await;
    books.charge(account, "one", "1").await.unwrap();
    books.db.tamper(&format!("{LATE} 2")).await;
    let auditor = books.auditor().await;
    let verdict = auditor.audit().await.unwrap();
    let finding = verdict.first_finding().unwrap().clone();
    assert!(verdict.to_string().contains(&format!("[{}]", finding.name)), "a person can name it: {verdict}");

    let (jane, why) = (label("jane"), label("the machine was suspended"));
    let unknown = auditor.acknowledge(&["0badc0de", &finding.name], &jane, &why).await.unwrap_err();
    assert!(matches!(unknown, AuditorError::NoFinding(_)), "{unknown}");
    assert!(!auditor.audit().await.unwrap().is_sound(), "nothing was acknowledged then");
    let acknowledged = auditor.acknowledge(&[&finding.name], &jane, &why).await.unwrap();
    assert_eq!(acknowledged[0], finding);

    let verdict = auditor.audit().await.unwrap();
    assert!(verdict.is_sound() && verdict.first_finding().is_none(), "{verdict}");
    let check = verdict.check(CheckName::TimesAgree);
    assert_eq!((check.sound, check.wrong, check.acknowledged), (true, 0, 1), "{verdict}");
    let seen = check.findings[0].acknowledged.as_ref().unwrap();
    assert_eq!(
        seen,
        &Acknowledgement {
            by: "jane".into(),
            reason: "the machine was suspended".into(),
            at: seen.at.clone()
        }
    );
    let text = verdict.to_string();
    assert!(text.starts_with("The books are sound, but for what is acknowledged: 1\n"), "{text}");
    assert!(
        text.contains("acknowledged by jane at") && text.contains(": the machine was suspended"),
        "{text}"
    );
    let again = auditor.acknowledge(&[&finding.name], &jane, &why).await.unwrap_err();
    assert!(matches!(again, AuditorError::NoFinding(_)), "it is no open finding: {again}");

    let record = "select count(*) from acknowledgements where account_id = $1 and sequence = 2 and check_name = 'times_agree'
        and realm_id = (select realm_id from account_balances)";
    let mut superuser = books.db.superuser().await;
    let records: i64 = sqlx::query_scalar(record).bind(account.0).fetch_one(&mut superuser).await.unwrap();
    assert_eq!(records, 1);
    auditor.close().await;
    books.ledger.close().await;
    books.db.remove().await;
}

#[tokio::test]
async fn an_acknowledgement_covers_its_finding_to_the_letter() {
    for another in [
        format!("{LATE} 3"),
        "update events set stored_at = stored_at + interval '1 second' where sequence = 2".to_owned(),
        "update events set metadata = '{}' where sequence = 2".into(),
        "insert into quarantine (account_id, realm_id, reason) select account_id, realm_id, 'so' from account_balances".into(),
    ] {
        let books = Books::open().await;
        let account = books.account("10").await;
        books.charge(account, "one", "1").await.unwrap();
        books.db.tamper(&format!("{LATE} 2")).await;
        let auditor = books.auditor().await;
        let name = auditor.audit().await.unwrap().first_finding().unwrap().name.clone();
        auditor.acknowledge(&[&name], &label("jane"), &label("explained")).await.unwrap();
        assert!(auditor.audit().await.unwrap().is_sound());

        books.db.tamper(&another).await;

        let verdict = auditor.audit().await.unwrap();
        assert!(!verdict.is_sound(), "{another}\n{verdict}");
        assert_ne!(verdict.first_finding().unwrap().name, name);
        auditor.close().await;
        books.ledger.close().await;
        books.db.remove().await;
    }
}

#[tokio::test]
async fn more_findings_than_an_audit_keeps_are_acknowledged_in_turn() {
    let books = Books::open().await;
    let account = books.account("100").await;
    for idx in 0..28 {
        books.charge(account, &format!("{idx}"), "1").await.unwrap();
    }
    books.db.superuser().await.execute("alter table events disable trigger all").await.unwrap();
    books.db.tamper("update events set stored_at = stored_at + interval '6 minutes'").await;
    let auditor = books.auditor().await;
    for left in [30, 10] {
        let verdict = auditor.audit().await.unwrap();
        assert_eq!(verdict.check(CheckName::TimesAgree).wrong, left, "{verdict}");
        let names: Vec<_> = verdict
            .findings()
            .filter(|(_, finding)| finding.acknowledged.is_none())
            .map(|(_, finding)| finding.name.clone())
            .collect();
        auditor.acknowledge(&names, &label("jane"), &label("explained")).await.unwrap();
    }
    let verdict = auditor.audit().await.unwrap();
    assert!(verdict.is_sound(), "{verdict}");
    assert_eq!(verdict.check(CheckName::TimesAgree).acknowledged, 30);
    assert!(verdict.to_string().contains("and 10 more"), "{verdict}");
    auditor.close().await;
    books.ledger.close().await;
    books.db.remove().await;
}
