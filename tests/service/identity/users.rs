//! Users: people, each alone or the member of one tenant.

use ledger_tests::service::TestApp;
use serde_json::json;
use uuid::Uuid;

crate::tests![a_user_is_a_member_or_an_individual];

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
