//! Tenants, users, operators and gateways.

use ledger_tests::service::{TestApp, fresh};
use serde_json::json;
use uuid::Uuid;

crate::tests![
    a_tenant_is_made_changed_and_listed,
    a_user_is_a_member_or_an_individual,
    roles_decide_what_an_operator_may_do,
    lists_come_in_pages,
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
            (json!({"name": "x", "slug": "x", "settings": {"a": "\u{0}"}}), "/settings"),
            (json!({"name": "x", "slug": "x", "status": "active"}), "/status"),
        ] {
            let refused = app.admin.post("/tenants", body).await;
            assert_eq!((refused.problem(), refused.pointer()), ((422, "invalid"), pointer), "{refused:?}");
        }
    })
    .await;
}

async fn a_user_is_a_member_or_an_individual() {
    TestApp::run(async |app| {
        let acme = app.tenant("acme").await;
        let ada = json!({"email": "Ada@Example.com", "full_name": "Ada", "tenant_id": acme.id});
        let made = app.admin.post("/users", ada).await.expect(201);
        assert_eq!(
            (made.text("email"), made.text("tenant_id")),
            ("ada@example.com", acme.id.to_string().as_str())
        );
        let again = app.admin.post("/users", json!({"email": "ADA@example.com", "full_name": "Eve"})).await;
        assert_eq!((again.problem(), again.pointer()), ((409, "email_taken"), "/email"));
        let nowhere = json!({"email": "x@example.com", "full_name": "X", "tenant_id": Uuid::from_u128(1)});
        let refused = app.admin.post("/users", nowhere).await;
        assert_eq!((refused.problem(), refused.pointer()), ((422, "owner_not_found"), "/tenant_id"));
        let bob = app.individual("bob").await;
        assert!(app.admin.get(&format!("/users/{}", bob.id)).await.expect(200).json["tenant_id"].is_null());
        let members = app.admin.get(&format!("/users?tenant_id={}", acme.id)).await.expect(200);
        assert_eq!(members.json["data"].as_array().unwrap().len(), 1);
        let path = format!("/users/{}", made.id());
        app.admin.patch(&path, json!({"full_name": "Ada L."})).header("if-match", "1").await.expect(200);
        let stale = app.admin.patch(&path, json!({"full_name": "A"})).header("if-match", "1").await;
        assert_eq!(stale.problem(), (412, "stale_version"));
        for email in
            ["", "ada", "@example.com", "ada@", "a b@example.com", "Ada <ada@example.com>", "a@b\u{0}.com"]
        {
            let refused = app.admin.post("/users", json!({"email": email, "full_name": "X"})).await;
            assert_eq!((refused.problem(), refused.pointer()), ((422, "invalid"), "/email"), "{email}");
        }
    })
    .await;
}

async fn roles_decide_what_an_operator_may_do() {
    TestApp::run(async |app| {
        let acme = app.tenant("acme").await;
        let account = acme.account("10").await;
        let charge = app.admin.charge(account, "1").await.expect(201).id();
        let (cashier, auditor, gateway) =
            (app.operator("cashier").await, app.operator("auditor").await, app.gateway().await);
        let refunds = format!("/charges/{charge}/refunds");
        // Who: may they look, charge, give back, top up, list tenants, make tenants.
        for (name, client, may) in [
            ("admin", &app.admin, [true, true, true, true, true, true]),
            ("cashier", &cashier, [true, true, true, true, true, false]),
            ("auditor", &auditor, [true, false, false, false, true, false]),
            ("gateway", &gateway, [true, true, true, false, false, false]),
        ] {
            let answers = [
                client.get(&format!("/accounts/{account}/balance")).await,
                client.charge(account, "0.01").await,
                client.give_back(&refunds, Some("0.01")).await,
                client.top_up(account, "1").await,
                client.get("/tenants").await,
                client.post("/tenants", json!({"name": "x", "slug": fresh("x")})).await,
            ];
            let did = answers.map(|answer| {
                if answer.status < 400 {
                    true
                } else {
                    assert_eq!(answer.problem(), (403, "forbidden"), "{name}");
                    false
                }
            });
            assert_eq!(did, may, "{name}");
        }
    })
    .await;
}

async fn lists_come_in_pages() {
    TestApp::run(async |app| {
        for idx in 0..5 {
            app.tenant(&format!("t{idx}")).await;
            app.gateway().await;
        }
        for (path, most) in [("/tenants", 5), ("/gateways", 5), ("/operators", 1)] {
            let (mut seen, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = app.admin.get(&format!("{path}?limit=2{cursor}")).await.expect(200);
                seen.extend(page.json["data"].as_array().unwrap().iter().map(|row| row["id"].to_string()));
                let Some(next) = page.json["next_cursor"].as_str() else { break };
                cursor = format!("&cursor={next}");
            }
            let all = seen.len();
            seen.sort();
            seen.dedup();
            assert_eq!((all, seen.len()), (most, most), "{path}");
        }
    })
    .await;
}
