//! Tenants: companies that people are members of.

use ledger_tests::service::TestApp;
use serde_json::json;

crate::tests![
    a_tenant_is_made_changed_and_listed,
    a_suspended_tenant_begins_nothing_through_any_door,
    a_deleted_tenant_gets_no_keys_and_no_charges,
];

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

async fn a_suspended_tenant_begins_nothing_through_any_door() {
    TestApp::run(async |app| {
        let acme = app.tenant("acme").await;
        let account = acme.account("10").await;
        let (key, text) = acme.key().await;
        let gateway = app.gateway().await;
        let for_key = gateway.virtual_key(&text);
        let doors = || {
            [
                ("its key", key.pay("1")),
                ("a gateway for its key", for_key.pay("1")),
                ("a gateway for its key, by the account", for_key.charge(account, "1")),
                ("a gateway", gateway.charge(account, "1")),
                ("an operator", app.admin.charge(account, "1")),
            ]
        };
        let mut charge = uuid::Uuid::nil();
        for (door, call) in doors() {
            charge = call.key(door).await.expect(201).id();
        }
        let path = format!("/tenants/{}", acme.id);
        for status in ["suspended", "deleted"] {
            app.admin.patch(&path, json!({"status": status})).await.expect(200);
            for (door, call) in doors() {
                assert_eq!(call.await.problem(), (403, "tenant_suspended"), "{door}");
            }
            // What has been charged stays charged, and whoever has not heard so still can.
            for (door, call) in doors() {
                let again = call.key(door).await.expect(201);
                assert_eq!(again.header("idempotency-replayed"), Some("true"), "{door}");
            }
            let open = json!({"owner": acme.json(), "currency": "EUR"});
            assert_eq!(app.admin.post("/accounts", open).await.problem(), (403, "tenant_suspended"));
            // What has begun is settled.
            app.admin.top_up(account, "1").await.expect(201);
            app.admin.give_back(&format!("/charges/{charge}/refunds"), Some("0.1")).await.expect(201);
        }
        app.admin.patch(&path, json!({"status": "active"})).await.expect(200);
        for (door, call) in doors() {
            let answer = call.await;
            assert_eq!(answer.status, 201, "{door}: the refusals were no outcomes: {answer:?}");
        }
    })
    .await;
}

async fn a_deleted_tenant_gets_no_keys_and_no_charges() {
    TestApp::run(async |app| {
        let acme = app.tenant("acme").await;
        acme.account("10").await;
        let user = acme.user().await;
        let (key, _) = acme.key().await;
        app.admin.patch(&format!("/tenants/{}", acme.id), json!({"status": "deleted"})).await.expect(200);
        let made = app.admin.post("/keys", json!({"user_id": user, "name": "laptop"})).await;
        assert_eq!(made.problem(), (403, "tenant_suspended"));
        let body = json!({"email": "new@example.com", "full_name": "New", "tenant_id": acme.id});
        assert_eq!(app.admin.post("/users", body).await.problem(), (403, "tenant_suspended"));
        assert_eq!(key.pay("1").await.problem(), (403, "tenant_suspended"));
    })
    .await;
}
