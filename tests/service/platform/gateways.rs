//! Gateways: the programs that meter usage for any customer.

use ledger_tests::service::TestApp;
use serde_json::json;

crate::tests![a_gateway_is_refused_once_revoked, a_gateway_rotates_without_a_gap];

async fn a_gateway_is_refused_once_revoked() {
    TestApp::run(async |app| {
        super::is_refused_once_revoked(app, "/gateways", json!({"name": "edge"})).await;
    })
    .await;
}

async fn a_gateway_rotates_without_a_gap() {
    TestApp::run(async |app| super::rotates_with_grace(app, "/gateways", json!({"name": "edge"})).await)
        .await;
}
