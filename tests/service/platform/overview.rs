//! The overview, for operators alone.

use ledger_core::AccountId;
use ledger_service::jobs::audit::audit_once;
use ledger_tests::{label, service::TestApp};
use serde_json::json;

crate::tests![
    operators_see_all_accounts_in_a_few_sums_and_when_the_books_were_proved,
    the_services_own_audit_takes_what_does_not_hold_out_of_service_and_is_on_record,
];

async fn operators_see_all_accounts_in_a_few_sums_and_when_the_books_were_proved() {
    TestApp::run(async |app| {
        let empty = app.admin.get("/overview").await.expect(200);
        assert_eq!((&empty.json["currencies"], empty.json["quarantined"].as_i64()), (&json!([]), Some(0)));
        assert!(empty.json.get("last_audit").is_none());

        let account = app.tenant("acme").await.account("10").await;
        let top_up = app.admin.top_up(app.tenant("other").await.account("0").await, "5").await.expect(201);
        app.admin.charge(top_up.json["account_id"].as_str().unwrap().parse().unwrap(), "2").await.expect(201);
        let chargeback = format!("/top-ups/{}/chargebacks", top_up.id());
        app.admin.give_back(&chargeback, None).await.expect(201);
        let mut superuser = app.books.db.superuser().await;
        let quarantine = "insert into quarantine (account_id, realm_id, reason)
            select account_id, realm_id, 'so' from account_balances where account_id = $1";
        sqlx::query(quarantine).bind(account).execute(&mut superuser).await.unwrap();
        let auditor = app.books.auditor().await;
        auditor.record(&auditor.audit().await.unwrap(), &label("nightly")).await.unwrap();
        auditor.close().await;
        sqlx::query("delete from quarantine").execute(&mut superuser).await.unwrap();

        let overview = app.operator("auditor").await.get("/overview").await.expect(200);
        let dollars = json!([{"currency": "USD", "accounts": 2, "overdrawn": 1, "balance": "8",
            "outstanding_amount": "2", "forced_debt": "2"}]);
        assert_eq!(overview.json["currencies"], dollars);
        let audit = &overview.json["last_audit"];
        assert_eq!(
            (&audit["sound"], &audit["actor"], &audit["wrong"]),
            (&json!(false), &json!("nightly"), &json!(1))
        );
        assert!(audit["first_finding"].as_str().unwrap().contains(&account.to_string()), "{audit}");
        let gateway = app.gateway().await.get("/overview").await;
        assert_eq!(gateway.problem(), (403, "forbidden"));
    })
    .await;
}

async fn the_services_own_audit_takes_what_does_not_hold_out_of_service_and_is_on_record() {
    TestApp::run(async |app| {
        let account = app.tenant("acme").await.account("10").await;
        let auditor = app.books.auditor().await;
        assert!(audit_once(&auditor).await.unwrap().is_sound());
        assert_eq!(app.admin.get("/overview").await.expect(200).json["last_audit"]["sound"], true);
        app.books.db.tamper("update account_balances set balance = 11").await;

        assert_eq!(audit_once(&auditor).await.unwrap().quarantined, 1);

        let overview = app.admin.get("/overview").await.expect(200);
        assert_eq!(overview.json["quarantined"], 1);
        let audit = &overview.json["last_audit"];
        assert_eq!((&audit["sound"], &audit["actor"]), (&json!(false), &json!("ledger serve")));
        let refused = app.admin.get(&format!("/accounts/{account}/statement")).await;
        assert_eq!(refused.problem(), (503, "account_quarantined"));
        let account = AccountId(account);
        auditor.repair(account, &label("jane")).await.unwrap();
        app.books.release(account).await;
        auditor.close().await;
    })
    .await;
}
