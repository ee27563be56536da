//! Entries: pages of them, and one with both of its sides.

use ledger_core::EntryId;
use ledger_tests::service::{Answer, TestApp};
use serde_json::{Value, json};

crate::tests![
    entries_come_in_pages,
    words_come_back_under_the_name_that_they_were_sent_under,
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

/// Who reads the answer and who reads the entry find what was sent where it was sent.
async fn words_come_back_under_the_name_that_they_were_sent_under() {
    TestApp::run(async |app| {
        let account = app.tenant("acme").await.account("10").await;
        let path = format!("/accounts/{account}/charges");
        let said = json!({"reference": "r-1", "description": "tokens", "metadata": {"model": "m", "reference": "mine"}});
        let mut body = said.clone();
        body["amount"] = json!("2.5");
        body["currency"] = json!("USD");
        let charge = app.admin.post(&path, body.clone()).key("k").await.expect(201);
        let refunds = format!("/charges/{}/refunds", charge.id());
        let refund = app.admin.give_back(&refunds, Some("1")).key("r").await.expect(201);
        let shown = |answer: &Answer, names: &[&str]| -> Value {
            names.iter().map(|name| ((*name).to_owned(), answer.json[*name].clone())).collect()
        };
        let words = ["reference", "description", "metadata"];
        assert_eq!(shown(&charge, &words), said);
        assert_eq!((refund.text("reason"), refund.json.get("description")), ("asked for", None));
        assert_eq!(app.admin.get(&format!("/entries/{}", refund.id())).await.expect(200).body, refund.body);

        // Another reference is another request. Other words are not: the first ones stay.
        body["reference"] = json!("r-2");
        let other = app.admin.post(&path, body.clone()).key("k").await;
        assert_eq!(other.problem(), (422, "idempotency_key_reused"));
        body["reference"] = json!("r-1");
        body["description"] = json!("other words");
        let cold = app.second().await;
        for client in [&app.admin, &app.admin.at(&cold)] {
            assert_eq!(client.post(&path, body.clone()).key("k").await.expect(201).body, charge.body);
            assert_eq!(client.give_back(&refunds, Some("1")).key("r").await.expect(201).body, refund.body);
        }
        app.books.ledger.erase_note(&app.books.platform, EntryId(charge.id())).await.unwrap();
        for client in [&app.admin, &app.admin.at(&cold)] {
            let erased = client.post(&path, body.clone()).key("k").await.expect(201);
            assert_eq!(shown(&erased, &words), json!({"reference": "r-1", "description": null, "metadata": null}));
        }
        cold.close().await;
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
            assert_eq!(entry.body, charge.body, "what was answered is what is kept");
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
        let account = acme.account("0").await;
        app.admin.pay_in(account, "10", "stripe", "pi_1").await.expect(201);
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
