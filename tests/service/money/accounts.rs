//! Accounts: one per owner and currency.

use ledger_tests::service::TestApp;
use serde_json::json;
use uuid::Uuid;

crate::tests![an_account_is_opened_once_and_shows_its_sums, an_account_needs_an_owner_who_exists,];

async fn an_account_is_opened_once_and_shows_its_sums() {
    TestApp::run(async |app| {
        let acme = app.tenant("acme").await;
        let open = json!({"owner": acme.json(), "currency": "USD", "credit_limit": "5"});
        let opened = app.admin.post("/accounts", open.clone()).key("open").await.expect(201);
        assert_eq!(opened.json["owner"], acme.json());
        assert_eq!((opened.text("available"), opened.text("status")), ("5", "open"));
        let id = opened.id();
        assert_eq!(opened.header("location"), Some(format!("/accounts/{id}").as_str()));

        let replayed = app.admin.post("/accounts", open.clone()).key("open").await.expect(201);
        assert_eq!(
            (replayed.body, replayed.headers["idempotency-replayed"].as_bytes()),
            (opened.body, &b"true"[..])
        );
        let twice = app.admin.post("/accounts", open).await;
        assert_eq!(twice.problem(), (409, "account_exists"));

        app.admin.top_up(id, "10.50").await.expect(201);
        app.admin.charge(id, "12").await.expect(201);
        let account = app.admin.get(&format!("/accounts/{id}")).await.expect(200);
        assert_eq!(account.header("etag"), Some("\"3\""));
        assert_eq!((account.text("balance"), account.text("outstanding_amount")), ("-1.5", "1.5"));
        assert!(account.json["last_charged_at"].is_string() && account.json["as_of"].is_string());
        let listed = app.admin.get(&format!("/accounts?owner_tenant_id={}", acme.id)).await.expect(200);
        assert_eq!(listed.json["data"], json!([account.json]));
        for query in ["", "?owner_user_id=x", "?nonsense=1", "?owner_user_id=1"] {
            let refused = app.admin.get(&format!("/accounts{query}")).await;
            assert_eq!(refused.problem(), (422, "invalid"), "{query}");
        }
    })
    .await;
}

async fn an_account_needs_an_owner_who_exists() {
    TestApp::run(async |app| {
        for kind in ["user_id", "tenant_id"] {
            let open = json!({"owner": {kind: Uuid::from_u128(9)}, "currency": "USD"});
            let refused = app.admin.post("/accounts", open).await;
            assert_eq!(refused.problem(), (422, "owner_not_found"));
            assert_eq!(refused.pointer(), format!("/owner/{kind}"));
        }
        let ada = app.individual("ada").await;
        ada.account("1").await;
        let listed = app.admin.get(&format!("/accounts?owner_user_id={}", ada.id)).await.expect(200);
        assert_eq!(listed.json["data"][0]["owner"], ada.json());
        let negative = json!({"owner": ada.json(), "currency": "EUR", "credit_limit": "-1"});
        let refused = app.admin.post("/accounts", negative).await;
        assert_eq!((refused.problem(), refused.pointer()), ((422, "invalid"), "/credit_limit"));
    })
    .await;
}
