//! Who runs it all: operators and gateways, and how the service itself is.

mod gateways;
mod operations;
mod operators;
mod overview;

use ledger_tests::service::TestApp;
use libtest_mimic::Trial;
use serde_json::{Value, json};

pub(crate) fn tests() -> impl Iterator<Item = Trial> {
    [gateways::tests(), operations::tests(), operators::tests(), overview::tests()].into_iter().flatten()
}

/// A credential of the platform works until it is revoked, and its key is shown to nobody but its maker.
async fn is_refused_once_revoked(app: &TestApp, path: &str, body: Value) {
    let made = app.admin.post(path, body).await.expect(201);
    let client = app.anonymous().bearer(made.text("key"));
    let probe = || client.get("/accounts?owner_user_id=00000000-0000-0000-0000-000000000001");
    probe().await.expect(200);
    let this = format!("{path}/{}", made.id());
    app.admin.delete(&this).await.expect(204);
    assert_eq!(probe().await.problem(), (401, "unauthenticated"));
    assert_eq!(app.admin.delete(&this).await.problem(), (404, "not_found"));
    let listed = app.admin.get(path).await.expect(200);
    assert!(!String::from_utf8_lossy(&listed.body).contains(made.text("key")));
}

/// A rotated credential of the platform works under both keys for a while, and under the old one no longer when there is none.
async fn rotates_with_grace(app: &TestApp, path: &str, body: Value) {
    let account = app.tenant("acme").await.account("10").await;
    let made = app.admin.post(path, body).await.expect(201);
    let (first, rotate) = (made.text("key").to_owned(), format!("{path}/{}/rotate", made.id()));
    let rotated = app.admin.post(&rotate, json!({"grace_seconds": 3600})).await.expect(200);
    assert_eq!(rotated.id(), made.id());
    let second = rotated.text("key").to_owned();
    assert_ne!(first, second);
    let charge = |key: &str| app.anonymous().bearer(key).charge(account, "1").key("k");
    charge(&first).await.expect(201);
    let again = charge(&second).await.expect(201);
    assert_eq!(
        again.header("idempotency-replayed"),
        Some("true"),
        "the platform's keys are its own, not a credential's"
    );

    let third = app.admin.post(&rotate, json!({})).await.expect(200).text("key").to_owned();
    for gone in [&first, &second] {
        assert_eq!(charge(gone).await.problem(), (401, "unauthenticated"));
    }
    charge(&third).await.expect(201);
    let long = app.admin.post(&rotate, json!({"grace_seconds": 2_592_001})).await;
    assert_eq!((long.problem(), long.pointer()), ((422, "invalid"), "/grace_seconds"));
    app.admin.post(&rotate, json!({"grace_seconds": 3600})).await.expect(200);
    // The time is over, as if it had been waited for.
    let table = path.trim_start_matches('/');
    app.books
        .db
        .tamper(&format!("update {table} set previous_until = now() where previous_until > now()"))
        .await;
    assert_eq!(charge(&third).await.problem(), (401, "unauthenticated"));
    app.admin.delete(&format!("{path}/{}", made.id())).await.expect(204);
    assert_eq!(app.admin.post(&rotate, json!({})).await.problem(), (404, "not_found"));
}
