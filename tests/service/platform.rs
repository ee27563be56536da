//! Who runs it all: operators and gateways, and how the service itself is.

mod gateways;
mod operations;
mod operators;
mod overview;

use ledger_tests::service::TestApp;
use libtest_mimic::Trial;
use serde_json::Value;

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
