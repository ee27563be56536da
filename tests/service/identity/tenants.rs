//! Tenants: companies that people are members of.

use ledger_tests::service::TestApp;
use serde_json::json;

crate::tests![a_tenant_is_made_changed_and_listed];

async fn a_tenant_is_made_changed_and_listed() {
    TestApp::run(async |app| {
        let body = json!({"name": "Acme", "slug": "acme", "settings": {"region": "eu"}});
        let made = app.admin.post("/tenants", body.clone()).await.expect(201);
        assert_eq!(
            (made.text("plan"), made.text("status"), made.header("etag")),
            ("standard", "active", Some("\"1\""))
        );
        let taken = app.admin.post("/tenants", body).await;
        assert_eq!((taken.problem(), taken.pointer()), ((409, "slug_taken"), "/slug"));
        let path = format!("/tenants/{}", made.id());
        let changed =
            app.admin.patch(&path, json!({"plan": "gold"})).header("if-match", "\"1\"").await.expect(200);
        assert_eq!((changed.text("plan"), changed.json["version"].as_u64()), ("gold", Some(2)));
        assert_eq!(changed.json["settings"], json!({"region": "eu"}));
        let stale = app.admin.patch(&path, json!({"plan": "tin"})).header("if-match", "\"1\"").await;
        assert_eq!(stale.problem(), (412, "stale_version"));
        app.admin.post("/tenants", json!({"name": "Other", "slug": "other"})).await.expect(201);
        let taken = app.admin.patch(&path, json!({"slug": "other"})).await;
        assert_eq!(taken.problem(), (409, "slug_taken"));
        assert_eq!(app.admin.get(&path).await.expect(200).text("slug"), "acme");
        for (body, pointer) in [
            (json!({"name": "", "slug": "x"}), "/name"),
            (json!({"name": "x", "slug": "A"}), "/slug"),
            (json!({"name": "x", "slug": "-a"}), "/slug"),
            (json!({"name": "x", "slug": "x", "settings": {"a": 1}}), "/settings/a"),
            (json!({"name": "x", "slug": "x", "settings": {"a": "\u{0}"}}), "/settings/a"),
            (json!({"name": "x", "slug": "x", "status": "active"}), "/status"),
        ] {
            let refused = app.admin.post("/tenants", body).await;
            assert_eq!((refused.problem(), refused.pointer()), ((422, "invalid"), pointer), "{refused:?}");
        }
    })
    .await;
}
