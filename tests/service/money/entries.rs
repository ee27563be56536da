//! Entries: pages of them, and one with both of its sides.

use ledger_tests::service::TestApp;
use serde_json::json;

crate::tests![
    entries_come_in_pages,
    an_entry_shows_both_sides_of_each_movement,
    entries_are_found_by_what_is_known_of_them,
];

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
        let newest =
            app.admin.get(&format!("/accounts/{account}/entries?order=desc&limit=2")).await.expect(200);
        let versions: Vec<_> =
            newest.json["data"].as_array().unwrap().iter().map(|entry| &entry["version"]).collect();
        assert_eq!(versions, [7, 6]);
        for query in
            ["order=up", "limit=0", "limit=1001", "limit=-1", "limit=x", "cursor=x", "cursor=LTE", "page=1"]
        {
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

async fn entries_are_found_by_what_is_known_of_them() {
    TestApp::run(async |app| {
        let acme = app.tenant("acme").await;
        let account = acme.account("10").await;
        let body = json!({"amount": "1", "currency": "USD", "reference": "order-1"});
        let path = format!("/accounts/{account}/charges");
        let charge = app.admin.post(&path, body).key("k").header("x-request-id", "r-1").await.expect(201);
        let (key, _) = acme.key().await;
        let own = key.pay("2").key("k").await.expect(201);
        let keys = app.admin.get("/keys").await.expect(200);
        let user = keys.json["data"][0]["user_id"].as_str().unwrap().to_owned();
        let until = own.text("recorded_at").to_owned();

        for (query, versions) in [
            ("key=k", vec![3]),
            (&format!("key=k&key_user={user}"), vec![4]),
            ("key=k&type=topped_up", vec![]),
            ("key=unknown", vec![]),
            ("reference=order-1", vec![3]),
            ("reference=pi_1&type=topped_up", vec![2]),
            ("request_id=r-1", vec![3]),
            ("type=charged&order=desc", vec![4, 3]),
            (&format!("type=charged&to={until}"), vec![3]),
            (&format!("from={until}"), vec![4]),
            (&format!("from={until}&to={until}"), vec![]),
        ] {
            let found = app.admin.get(&format!("/accounts/{account}/entries?{query}")).await.expect(200);
            let found = found.json["data"].as_array().unwrap();
            let found: Vec<_> = found.iter().map(|entry| entry["version"].as_u64().unwrap()).collect();
            assert_eq!(found, versions, "{query}");
        }
        for query in [
            "key=",
            "key_user=1",
            "reference=",
            "request_id=%00",
            "type=paid",
            "from=-4714-01-01T00:00:00Z",
            &format!("key_user={user}"),
        ] {
            let refused = app.admin.get(&format!("/accounts/{account}/entries?{query}")).await;
            assert_eq!(refused.problem(), (422, "invalid"), "{query}");
        }

        let reused = app.admin.charge(account, "9").key("k").await;
        assert_eq!(reused.problem(), (422, "idempotency_key_reused"));
        assert_eq!(reused.text("entry_id"), charge.id().to_string(), "the original is named");
        app.admin.charge(account, "99").key("refused").await.expect(402);
        let reused = app.admin.charge(account, "1").key("refused").await;
        assert_eq!((reused.problem(), reused.json.get("entry_id")), ((422, "idempotency_key_reused"), None));
        assert!(reused.text("detail").contains("refused"), "{reused:?}");
    })
    .await;
}
