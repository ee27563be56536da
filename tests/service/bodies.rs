//! What is sent: read strictly, and refused with a pointer to the fault.

use axum::body::{Body, Bytes};
use futures::{StreamExt, stream};
use ledger_service::config::Limits;
use ledger_tests::service::TestApp;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

crate::tests![
    money_is_a_plain_decimal_string,
    a_fault_is_pointed_at,
    every_fault_of_a_body_is_named,
    a_name_stands_once,
    a_number_that_nothing_holds_is_a_wrong_value,
    what_is_no_json_is_malformed,
    texts_are_bounded,
    slow_bodies_keep_nobody_waiting,
    the_memory_for_bodies_is_shared,
];

async fn money_is_a_plain_decimal_string() {
    TestApp::run(async |app| {
        let acme = app.tenant("acme").await;
        let account = acme.account("10").await;
        let path = format!("/accounts/{account}/charges");
        let bad = [
            json!(1),
            json!(1.5),
            json!(0),
            json!("0.1234567890123"),
            json!("1234567890123456"),
            json!("NaN"),
            json!("-0"),
            json!("+5"),
            json!("1e3"),
            json!("1_000"),
            json!("１２"),
            json!(""),
            json!(" "),
            json!(" 1"),
            json!("1 "),
            json!("0"),
            json!("-1"),
            json!("01"),
            json!(".5"),
            json!("5."),
            json!("1,5"),
            json!("0x1"),
            json!("Infinity"),
            json!("1\u{0}"),
            json!(null),
            json!(true),
            json!([]),
            json!({}),
            json!("0.0000000000001"),
        ];
        for amount in bad {
            let refused =
                app.admin.post(&path, json!({"amount": amount, "currency": "USD"})).key("bad").await;
            assert_eq!(refused.problem(), (422, "invalid"), "{amount}");
            assert_eq!(refused.pointer(), "/amount", "{amount}: {refused:?}");
        }
        // None of these has used the key up.
        app.admin
            .post(&path, json!({"amount": "0.000000000001", "currency": "USD"}))
            .key("bad")
            .await
            .expect(201);
        let open = json!({"owner": acme.json(), "currency": "EUR", "credit_limit": 5});
        assert_eq!(app.admin.post("/accounts", open).await.pointer(), "/credit_limit");
        assert_eq!(app.admin.balance(account).await, "9.999999999999");
    })
    .await;
}

async fn a_fault_is_pointed_at() {
    TestApp::run(async |app| {
        let account = app.tenant("acme").await.account("10").await;
        let path = format!("/accounts/{account}/charges");
        let good = json!({"amount": "1", "currency": "USD"});
        let with = |name: &str, value: Value| {
            let mut body = good.clone();
            body[name] = value;
            body
        };
        for (body, pointer) in [
            (with("currency", json!("usd")), "/currency"),
            (with("currency", json!("EURO-")), "/currency"),
            (with("metadata", json!({"a/b": {"c": 1}})), "/metadata/a~1b"),
            (with("metadata", json!([])), "/metadata"),
            (with("effective_at", json!("yesterday")), "/effective_at"),
            (with("nonsense", json!(1)), "/nonsense"),
            (with("dry_run", json!("yes")), "/dry_run"),
            (json!([]), ""),
            (json!("text"), ""),
            (json!(null), ""),
            (json!(["1", "USD"]), ""),
            (json!({"amount": "1"}), "/currency"),
        ] {
            let refused = app.admin.post(&path, body.clone()).await;
            assert_eq!(refused.problem(), (422, "invalid"), "{body}");
            assert_eq!(refused.pointer(), pointer, "{body}: {refused:?}");
            assert!(!refused.json["errors"].as_array().unwrap().is_empty());
        }
    })
    .await;
}

async fn every_fault_of_a_body_is_named() {
    TestApp::run(async |app| {
        let acme = app.tenant("acme").await;
        let account = acme.account("10").await;
        let charge = json!({"amount": 1, "effective_at": "1969-01-01T00:00:00Z", "description": "\u{7}", "nonsense": 1,
            "metadata": {"a/b": 1, "c": "x".repeat(501), "d": "fine"}, "dry_run": "yes"});
        let open = json!({"owner": {"user_id": acme.id, "tenant_id": acme.id}, "currency": "usd", "credit_limit": "-1"});
        let charges = ["/amount", "/currency", "/description", "/dry_run", "/effective_at", "/metadata/a~1b",
            "/metadata/c", "/nonsense"];
        for (path, body, faults) in [
            (format!("/accounts/{account}/charges"), charge, &charges[..]),
            ("/accounts".to_owned(), open, &["/credit_limit", "/currency", "/owner"]),
            ("/users".to_owned(), json!({}), &["/email", "/full_name"]),
        ] {
            let refused = app.admin.post(&path, body).await;
            assert_eq!(refused.problem(), (422, "invalid"), "{refused:?}");
            let errors = refused.json["errors"].as_array().unwrap().iter();
            let mut named: Vec<&str> = errors.map(|fault| fault["pointer"].as_str().unwrap()).collect();
            named.sort_unstable();
            assert_eq!(named, faults, "{refused:?}");
        }
        assert_eq!(app.admin.balance(account).await, "10");
    })
    .await;
}

async fn a_name_stands_once() {
    TestApp::run(async |app| {
        let account = app.tenant("acme").await.account("10").await;
        for (body, pointer) in [
            (r#"{"amount": "1", "amount": "2", "currency": "USD"}"#, "/amount"),
            (r#"{"amount": "1", "currency": "USD", "metadata": {"a": "1", "a": "2"}}"#, "/metadata/a"),
            (r#"{"amount": "1", "currency": "USD", "metadata": {"a": "1", "\u0061": "2"}}"#, "/metadata/a"),
        ] {
            let refused = app.admin.charge(account, "1").body(body).await;
            assert_eq!((refused.problem(), refused.pointer()), ((422, "invalid"), pointer), "{refused:?}");
        }
        assert_eq!(app.admin.balance(account).await, "10");
    })
    .await;
}

async fn a_number_that_nothing_holds_is_a_wrong_value() {
    TestApp::run(async |app| {
        let account = app.tenant("acme").await.account("10").await;
        let body = r#"{"currency": "USD", "amount": 1e400}"#;
        let refused = app.admin.charge(account, "1").body(body).await;
        assert_eq!((refused.problem(), refused.pointer()), ((422, "invalid"), "/amount"), "{refused:?}");
        let deep = format!(r#"{{"currency": "USD", "amount": {}1{}}}"#, "[".repeat(1_000), "]".repeat(1_000));
        let refused = app.admin.charge(account, "1").body(deep).await;
        assert_eq!(refused.problem(), (422, "invalid"));
        assert!(refused.pointer().starts_with("/amount/0/0"), "{refused:?}");
    })
    .await;
}

async fn what_is_no_json_is_malformed() {
    TestApp::run(async |app| {
        let account = app.tenant("acme").await.account("10").await;
        let call = || app.admin.charge(account, "1");
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        for body in ["", "{", "{\"amount\": }", "nonsense", "{} {}", "\u{feff}{}", &deep[1..]] {
            let refused = call().body(body.to_owned()).await;
            assert_eq!(refused.problem(), (400, "malformed"), "{}", &body[..body.len().min(20)]);
        }
        assert_eq!(
            call().body(deep.clone()).await.problem(),
            (422, "invalid"),
            "as deep as it is, it is JSON"
        );
        let refused = call().body(&b"{\"amount\": \"\xff\"}"[..]).await;
        assert_eq!(refused.problem(), (400, "malformed"));
        for content_type in ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonp"] {
            let refused = call().header("content-type", content_type).await;
            assert_eq!(refused.problem(), (415, "unsupported_media_type"), "{content_type}");
        }
        call().header("content-type", "Application/JSON; charset=utf-8").await.expect(201);
        assert_eq!(call().without("idempotency-key").await.problem(), (400, "idempotency_key_missing"));
        let long = "k".repeat(256);
        for key in ["", "\"\"", "\"half", "\"a\"b\"", long.as_str()] {
            assert_eq!(call().key(key).await.problem(), (400, "malformed"), "{key}");
        }
        call().key(&"k".repeat(255)).await.expect(201);
        let quoted = call().key("\"one\"").await.expect(201);
        let bare = call().key("one").await.expect(201);
        assert_eq!((bare.header("idempotency-replayed"), &bare.body), (Some("true"), &quoted.body));
        for version in ["x", "\"", "-1", "1.5", "\"1\", \"2\"", "99999999999999999999"] {
            assert_eq!(call().header("if-match", version).await.problem(), (400, "malformed"), "{version}");
        }
    })
    .await;
}

async fn texts_are_bounded() {
    TestApp::run(async |app| {
        let account = app.tenant("acme").await.account("10").await;
        let path = format!("/accounts/{account}/charges");
        let pairs = |n: usize, chars: usize| -> Value {
            let pair = |idx: usize| (format!("name-{idx}"), Value::from("ü".repeat(chars)));
            Value::Object((0..n).map(pair).collect())
        };
        let body = |metadata: Value| json!({"amount": "1", "currency": "USD", "metadata": metadata});
        app.admin.post(&path, body(pairs(50, 500))).await.expect(201);
        for (body, pointer) in [
            (body(pairs(51, 1)), "/metadata"),
            (body(pairs(1, 501)), "/metadata/name-0"),
            (body(json!({"": "x"})), "/metadata/"),
            (body(json!({"x": "\u{7}"})), "/metadata/x"),
            (json!({"amount": "1", "currency": "USD", "description": "x".repeat(501)}), "/description"),
            (json!({"amount": "1", "currency": "USD", "reference": "x".repeat(256)}), "/reference"),
        ] {
            let refused = app.admin.post(&path, body).await;
            assert_eq!((refused.problem(), refused.pointer()), ((422, "invalid"), pointer), "{refused:?}");
        }
        for reason in ["", "\u{0}"] {
            let refused = app.admin.post("/charges/x/refunds", json!({"reason": reason})).await;
            assert_eq!(refused.problem(), (404, "not_found"));
        }
        let charge = app.admin.charge(account, "1").await.expect(201).id();
        for reason in [json!(""), json!("\u{1}"), json!("x".repeat(501)), json!(null)] {
            let refused =
                app.admin.post(&format!("/charges/{charge}/refunds"), json!({"reason": reason})).await;
            assert_eq!((refused.problem(), refused.pointer()), ((422, "invalid"), "/reason"), "{refused:?}");
        }
    })
    .await;
}

/// A body that begins, says so when somebody asks for more, and never ends.
fn stalled(start: usize, asked: &UnboundedSender<()>) -> Body {
    let asked = asked.clone();
    let more = stream::poll_fn(move |_| {
        let _ = asked.send(());
        std::task::Poll::<Option<Result<Bytes, std::io::Error>>>::Pending
    });
    Body::from_stream(stream::iter([Ok(Bytes::from(vec![b' '; start]))]).chain(more))
}

async fn slow_bodies_keep_nobody_waiting() {
    let limits = Limits { requests_max: 4, ..Limits::default() };
    TestApp::run_within(limits, async |app| {
        let acme = app.tenant("acme").await;
        let account = acme.account("10").await;
        let (key, _) = acme.key().await;
        let (asked, mut is_asked) = unbounded_channel();
        let mut slow = Vec::new();
        for _ in 0..20 {
            let call = key.pay("1").body(stalled(1, &asked));
            slow.push(tokio::spawn(async move { call.await.status }));
            is_asked.recv().await.unwrap();
        }
        for client in [&app.admin, &app.gateway().await] {
            client.charge(account, "1").await.expect(201);
        }
        key.pay("1").await.expect(201);
        slow.iter().for_each(tokio::task::JoinHandle::abort);
        assert_eq!(app.admin.balance(account).await, "7");
    })
    .await;
}

async fn the_memory_for_bodies_is_shared() {
    let limits = Limits { bodies_bytes_max: 1_024 * 1_024, ..Limits::default() };
    TestApp::run_within(limits, async |app| {
        let acme = app.tenant("acme").await;
        let account = acme.account("10").await;
        let (key, _) = acme.key().await;
        let (asked, mut is_asked) = unbounded_channel();
        let large = || key.pay("1").body(stalled(300 * 1_024, &asked));
        let mut coming = Vec::new();
        for _ in 0..2 {
            let call = large();
            coming.push(tokio::spawn(async move { call.await.status }));
            is_asked.recv().await.unwrap();
        }
        assert_eq!(large().await.problem(), (503, "try_again"), "nobody takes more than is left");
        let padded = format!("{}{}", json!({"amount": "1", "currency": "USD"}), " ".repeat(100 * 1_024));
        app.admin.charge(account, "1").body(padded).await.expect(201);
        for call in coming {
            call.abort();
            assert!(call.await.unwrap_err().is_cancelled());
        }
        let call = large();
        let again = tokio::spawn(async move { call.await.status });
        is_asked.recv().await.expect("what was given back is there again");
        again.abort();
    })
    .await;
}
