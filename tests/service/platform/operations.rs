//! Health, readiness, metrics, the reference, and what no route answers.

use std::time::{Duration, Instant};

use futures::future::join_all;
use ledger_service::{app::App, config::Limits};
use ledger_tests::service::TestApp;
use serde_json::json;

crate::tests![
    the_service_tells_how_it_is,
    made_up_methods_are_counted_as_one,
    readiness_is_a_write_that_leaves_nothing,
    the_reference_is_served_and_readable,
    what_no_route_answers_is_a_problem_too,
    a_full_service_says_try_again,
    while_the_database_is_down_everybody_is_told_at_once,
    a_process_holds_as_many_connections_as_it_says,
];

async fn the_service_tells_how_it_is() {
    TestApp::run(async |app| {
        let acme = app.tenant("acme").await;
        let account = acme.account("1").await;
        app.admin.charge(account, "2").await.expect(402);
        assert_eq!(app.anonymous().get("/healthz").await.expect(200).text("status"), "ok");
        let metrics = app.anonymous().get("/metrics").await.expect(200);
        let text = String::from_utf8_lossy(&metrics.body).into_owned();
        let counted = r#"http_requests_total{method="POST",route="/accounts/{id}/charges",status="402"}"#;
        assert!(text.contains(counted), "{text}");
        assert!(!text.contains(&account.to_string()), "no id in a label");
    })
    .await;
}

async fn made_up_methods_are_counted_as_one() {
    TestApp::run(async |app| {
        for idx in 0..200 {
            let method = axum::http::Method::from_bytes(format!("MADE-UP-{idx}").as_bytes()).unwrap();
            let answer = app.anonymous().call(method, ["/nowhere", "/tenants"][idx % 2], None).await;
            assert!([404, 405].contains(&answer.status), "{answer:?}");
        }
        let metrics = app.anonymous().get("/metrics").await.expect(200);
        let text = String::from_utf8_lossy(&metrics.body).into_owned();
        assert!(text.contains(r#"method="other",route="unmatched""#), "{text}");
        assert!(!text.contains("MADE-UP"), "{text}");
    })
    .await;
}

async fn readiness_is_a_write_that_leaves_nothing() {
    TestApp::run(async |app| {
        let mut superuser = app.books.db.superuser().await;
        let count = "select (select count(*) from events) + (select count(*) from quarantine)
            + (select count(*) from account_balances) + (select count(*) from refusals)";
        let before: i64 = sqlx::query_scalar(count).fetch_one(&mut superuser).await.unwrap();
        let position = "select pg_current_wal_flush_lsn()::text";
        let flushed: String = sqlx::query_scalar(position).fetch_one(&mut superuser).await.unwrap();
        app.anonymous().get("/readyz").await.expect(200);
        let after: i64 = sqlx::query_scalar(count).fetch_one(&mut superuser).await.unwrap();
        let written: String = sqlx::query_scalar(position).fetch_one(&mut superuser).await.unwrap();
        assert_eq!(before, after);
        assert_ne!(flushed, written, "something went to the disk");
    })
    .await;
}

async fn the_reference_is_served_and_readable() {
    TestApp::run(async |app| {
        let served = app.anonymous().get("/openapi.json").await.expect(200);
        assert!(served.text("openapi").starts_with("3.1"));
        assert!(served.json["paths"]["/accounts/{id}/charges"]["post"]["responses"]["402"].is_object());
        let docs = app.anonymous().get("/docs/").await.expect(200);
        assert!(String::from_utf8_lossy(&docs.body).contains("swagger"));
        let script = app.anonymous().get("/docs/swagger-ui-bundle.js").await.expect(200);
        assert!(script.body.len() > 100_000, "the pages come with the program, not from the network");
        let settings = app.anonymous().get("/docs/swagger-initializer.js").await.expect(200);
        assert!(String::from_utf8_lossy(&settings.body).contains("/openapi.json"));
    })
    .await;
}

async fn what_no_route_answers_is_a_problem_too() {
    TestApp::run(async |app| {
        let nowhere = app.anonymous().get("/nowhere").await;
        assert_eq!(nowhere.problem(), (404, "not_found"));
        assert_eq!(nowhere.header("content-type"), Some("application/problem+json"));
        let wrong = app.admin.call(axum::http::Method::PUT, "/tenants", Some(json!({}))).await;
        assert_eq!(wrong.problem(), (405, "method_not_allowed"));
        assert!(wrong.header("allow").is_some_and(|allow| allow.contains("POST")), "{:?}", wrong.headers);
    })
    .await;
}

async fn a_full_service_says_try_again() {
    let limits = Limits { requests_max: 0, ..Limits::default() };
    TestApp::run_within(limits, async |app| {
        let refused = app.admin.get("/tenants").await;
        assert_eq!((refused.problem(), refused.header("retry-after")), ((503, "try_again"), Some("1")));
        app.anonymous().get("/healthz").await.expect(200);
    })
    .await;
}

async fn a_process_holds_as_many_connections_as_it_says() {
    let limits = Limits { store_connections_max: 2, ..Limits::default() };
    TestApp::run_within(limits, async |app| {
        let acme = app.tenant("acme").await;
        let account = acme.account("100").await;
        let (key, _) = acme.key().await;
        let (admin, key) = (&app.admin, &key);
        let busy = (0..400_usize).map(|idx| async move {
            match idx % 5 {
                0 => admin.charge(account, "0.01").await,
                1 => admin.get(&format!("/accounts/{account}/statement")).await,
                2 => admin.get("/tenants").await,
                3 => admin.get("/operators").await,
                _ => key.get("/budget").await,
            }
        });
        for answer in join_all(busy).await {
            assert!(answer.status < 300 || answer.status == 503, "{answer:?}");
        }
        let mut superuser = app.books.db.superuser().await;
        let held = "select count(*) from pg_stat_activity
            where datname = current_database() and usename = 'ledger_service'";
        let held: i64 = sqlx::query_scalar(held).fetch_one(&mut superuser).await.unwrap();
        // What docs/operating.md says: the lanes, the ledger's reads, and the four roles of the service.
        assert!(held <= 2 + 14 + 11 + 4 * 2, "{held} connections");
    })
    .await;
}

async fn while_the_database_is_down_everybody_is_told_at_once() {
    TestApp::run(async |app| {
        // A server that nobody has started.
        let nowhere = "postgres://ledger_service@127.0.0.1:9/nowhere";
        let down = App::start(app.books.ledger.clone(), nowhere, Limits::default()).unwrap();
        let client = app.admin.at(&down);
        assert_eq!(client.get("/tenants").await.problem(), (503, "try_again"));
        let begun = Instant::now();
        for _ in 0..50 {
            assert_eq!(client.get("/tenants").await.problem(), (503, "try_again"));
        }
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    })
    .await;
}
