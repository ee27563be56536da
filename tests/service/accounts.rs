//! Accounts and their entries.

use ledger_tests::service::TestApp;
use serde_json::json;
use uuid::Uuid;

crate::tests![
    an_account_is_opened_once_and_shows_its_sums,
    an_account_needs_an_owner_who_exists,
    entries_come_in_pages,
    an_entry_shows_both_sides_of_each_movement,
];

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

async fn entries_come_in_pages() {
    TestApp::run(async |app| {
        let account = app.tenant("acme").await.account("10").await;
        for _ in 0..5 {
            app.admin.charge(account, "1").await.expect(201);
        }
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page =
                app.admin.get(&format!("/accounts/{account}/entries?limit=3{cursor}")).await.expect(200);
            seen.extend(
                page.json["data"].as_array().unwrap().iter().map(|entry| entry["version"].as_u64().unwrap()),
            );
            let Some(next) = page.json["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7]);
        for query in ["limit=0", "limit=1001", "limit=-1", "limit=x", "cursor=x", "cursor=LTE", "page=1"] {
            let refused = app.admin.get(&format!("/accounts/{account}/entries?{query}")).await;
            assert_eq!(refused.problem(), (422, "invalid"), "{query}");
            assert!(refused.pointer().starts_with('?'), "{refused:?}");
        }
    })
    .await;
}

async fn an_entry_shows_both_sides_of_each_movement() {
    TestApp::run(async |app| {
        let account = app.tenant("acme").await.account("10").await;
        let body = json!({"amount": "2.5", "currency": "USD", "description": "tokens", "reference": "r-1",
            "metadata": {"model": "m"}, "effective_at": "2024-05-01T12:00:00.123456789+02:00"});
        let path = format!("/accounts/{account}/charges");
        let charge = app.admin.post(&path, body).await.expect(201);
        let movements = json!([{"debit": "main", "credit": "revenue", "amount": "2.5"}]);
        assert_eq!(charge.json["movements"], movements);
        assert_eq!((charge.text("balance_before"), charge.text("balance_after")), ("10", "7.5"));
        assert_eq!(charge.text("effective_at"), "2024-05-01T10:00:00.123456Z");
        for path in ["entries", "charges"] {
            let entry = app.admin.get(&format!("/{path}/{}", charge.id())).await.expect(200);
            assert_eq!(entry.json["description"], "tokens");
            assert_eq!(entry.json["metadata"], json!({"model": "m", "reference": "r-1"}));
            assert_eq!(entry.json["movements"], movements);
        }
        let entries = app.admin.get(&format!("/accounts/{account}/entries")).await.expect(200);
        let top_up = entries.json["data"][1]["id"].as_str().unwrap().to_owned();
        app.admin.get(&format!("/entries/{top_up}")).await.expect(200);
        let not_a_charge = app.admin.get(&format!("/charges/{top_up}")).await;
        assert_eq!(not_a_charge.problem(), (404, "not_found"));
    })
    .await;
}
