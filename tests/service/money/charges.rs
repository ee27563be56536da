//! Charges, and what a key promises.

use ledger_tests::service::TestApp;
use serde_json::json;

crate::tests![
    the_same_key_brings_the_same_answer_to_the_byte,
    a_retry_under_a_rotated_credential_is_a_retry,
    a_customer_cannot_take_the_platforms_keys,
    a_refusal_is_the_keys_outcome,
    a_dry_run_only_tells,
    a_stale_version_is_refused_and_the_key_stays_unused,
    a_charge_is_refused_with_what_was_missing,
    the_request_id_is_echoed_and_kept_on_the_event,
];

async fn the_same_key_brings_the_same_answer_to_the_byte() {
    TestApp::run(async |app| {
        let account = app.tenant("acme").await.account("100").await;
        let first = app.admin.charge(account, "1").key("k").await.expect(201);
        assert_eq!(first.header("idempotency-replayed"), None);
        let cold = app.second().await;
        for client in [&app.admin, &app.admin.at(&cold)] {
            let again = client.charge(account, "1").key("k").await.expect(201);
            assert_eq!(
                (again.body, again.headers["idempotency-replayed"].as_bytes()),
                (first.body.clone(), &b"true"[..])
            );
            assert_eq!(again.headers["location"], first.headers["location"]);
            let other = client.charge(account, "2").key("k").await;
            assert_eq!(other.problem(), (422, "idempotency_key_reused"));
        }
        assert_eq!(app.admin.balance(account).await, "99");
        cold.close().await;
    })
    .await;
}

async fn a_retry_under_a_rotated_credential_is_a_retry() {
    TestApp::run(async |app| {
        let acme = app.tenant("acme").await;
        let account = acme.account("100").await;
        let (_, text) = acme.key().await;
        let made = app.admin.post("/gateways", json!({"name": "edge"})).await.expect(201);
        let before = app.anonymous().bearer(made.text("key"));
        let first = before.virtual_key(&text).pay("1").key("for a customer").await.expect(201);
        let other = before.charge(account, "2").key("for any").await.expect(201);
        app.admin.delete(&format!("/gateways/{}", made.id())).await.expect(204);
        assert_eq!(before.charge(account, "2").key("new").await.problem(), (401, "unauthenticated"));

        let after = app.gateway().await;
        let again = after.virtual_key(&text).pay("1").key("for a customer").await.expect(201);
        assert_eq!((again.header("idempotency-replayed"), again.id()), (Some("true"), first.id()));
        for client in [&after, &app.operator("cashier").await] {
            let again = client.charge(account, "2").key("for any").await.expect(201);
            assert_eq!((again.header("idempotency-replayed"), again.id()), (Some("true"), other.id()));
        }
        assert_eq!(app.admin.balance(account).await, "97");
    })
    .await;
}

async fn a_customer_cannot_take_the_platforms_keys() {
    TestApp::run(async |app| {
        let acme = app.tenant("acme").await;
        let account = acme.account("100").await;
        let (customer, text) = acme.key().await;
        let (colleague, _) = acme.key().await;
        let fee = "monthly-fee-2026-12";
        customer.pay("0.000000000001").key(fee).await.expect(201);
        colleague.pay("0.000000000001").key(fee).await.expect(201);
        app.admin.charge(account, "50").key(fee).await.expect(201);
        let gateway = app.gateway().await.virtual_key(&text);
        assert_eq!(gateway.pay("1").key(fee).await.problem(), (422, "idempotency_key_reused"));
        assert_eq!(customer.pay("1").key(fee).await.problem(), (422, "idempotency_key_reused"));
        assert_eq!(app.admin.balance(account).await, "49.999999999998");
    })
    .await;
}

async fn a_refusal_is_the_keys_outcome() {
    TestApp::run(async |app| {
        let account = app.tenant("acme").await.account("1").await;
        let refused = app.admin.charge(account, "2").key("k").await;
        assert_eq!(refused.problem(), (402, "insufficient_funds"));
        app.admin.top_up(account, "10").await.expect(201);
        let again = app.admin.charge(account, "2").key("k").await;
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        let without_id = |answer: &ledger_tests::service::Answer| {
            let mut json = answer.json.clone();
            json["request_id"].take();
            (answer.status, json)
        };
        assert_eq!(without_id(&again), without_id(&refused));
        assert_eq!(app.admin.charge(account, "3").key("k").await.problem(), (422, "idempotency_key_reused"));
        app.admin.charge(account, "2").key("another").await.expect(201);
    })
    .await;
}

async fn a_dry_run_only_tells() {
    TestApp::run(async |app| {
        let acme = app.tenant("acme").await;
        let account = acme.account("10").await;
        let (key, _) = acme.key().await;
        let path = format!("/accounts/{account}/charges");
        for (client, path) in [(&app.admin, path.as_str()), (&key, "/charges")] {
            let body = |amount: &str| json!({"amount": amount, "currency": "USD", "dry_run": true});
            let foreseen = client.post(path, body("4")).key("k").await.expect(200);
            assert_eq!(
                (foreseen.text("balance_after"), foreseen.json["dry_run"].as_bool()),
                ("6", Some(true))
            );
            assert_eq!(client.post(path, body("11")).key("k").await.problem(), (402, "insufficient_funds"));
        }
        assert_eq!(app.admin.balance(account).await, "10");
        app.admin.charge(account, "1").key("k").await.expect(201);
    })
    .await;
}

async fn a_stale_version_is_refused_and_the_key_stays_unused() {
    TestApp::run(async |app| {
        let account = app.tenant("acme").await.account("10").await;
        let charge = || app.admin.charge(account, "1").key("k");
        assert_eq!(charge().header("if-match", "\"1\"").await.problem(), (412, "stale_version"));
        charge().header("if-match", "\"2\"").await.expect(201);
        let replayed = charge().header("if-match", "\"2\"").await.expect(201);
        assert_eq!(
            replayed.header("idempotency-replayed"),
            Some("true"),
            "the retry of a guarded write is a retry"
        );
        charge().key("other").header("if-match", "*").await.expect(201);
        charge().key("third").header("if-match", "4").await.expect(201);
    })
    .await;
}

async fn a_charge_is_refused_with_what_was_missing() {
    TestApp::run(async |app| {
        let account = app.tenant("acme").await.account("1").await;
        let refused = app.admin.charge(account, "1.01").await;
        assert_eq!(refused.problem(), (402, "insufficient_funds"));
        assert_eq!((refused.text("available"), refused.text("amount")), ("1", "1.01"));
        assert_eq!(refused.text("type"), "urn:ledger:problem:insufficient_funds");
        assert_eq!(refused.text("instance"), format!("/accounts/{account}/charges"));
        assert_eq!(refused.header("x-request-id"), Some(refused.text("request_id")));
        assert_eq!(refused.json["status"], 402);
        let path = format!("/accounts/{account}/charges");
        let euros = app.admin.post(&path, json!({"amount": "1", "currency": "EUR"})).await;
        assert_eq!((euros.problem(), euros.pointer()), ((422, "no_account_in_currency"), "/currency"));
        for time in ["2016-12-31T23:59:60.5Z", "1969-12-31T23:59:59Z"] {
            let refused =
                app.admin.post(&path, json!({"amount": "1", "currency": "USD", "effective_at": time})).await;
            assert_eq!((refused.problem(), refused.pointer()), ((422, "invalid"), "/effective_at"), "{time}");
        }
        let future = json!({"amount": "1", "currency": "USD", "effective_at": "2999-01-01T00:00:00Z"});
        let refused = app.admin.post(&path, future).await;
        assert_eq!((refused.problem(), refused.pointer()), ((422, "effective_in_future"), "/effective_at"));
        assert_eq!(app.admin.balance(account).await, "1");
    })
    .await;
}

async fn the_request_id_is_echoed_and_kept_on_the_event() {
    TestApp::run(async |app| {
        let account = app.tenant("acme").await.account("1").await;
        let charge = app.admin.charge(account, "1").header("x-request-id", "trace-7").await.expect(201);
        assert_eq!(charge.header("x-request-id"), Some("trace-7"));
        let mut superuser = app.books.db.superuser().await;
        let kept = "select metadata ->> 'request_id' from events order by sequence desc limit 1";
        let kept: String = sqlx::query_scalar(kept).fetch_one(&mut superuser).await.unwrap();
        assert_eq!(kept, "trace-7");
        for sent in ["", "x\ty"] {
            let made = app.anonymous().get("/healthz").header("x-request-id", sent).await.expect(200);
            assert_eq!(made.header("x-request-id").map(str::len), Some(36), "a new one in place of {sent:?}");
        }
    })
    .await;
}
