//! Operators: the people and programs of the platform.

use ledger_tests::service::{TestApp, fresh};
use serde_json::json;

crate::tests![roles_decide_what_an_operator_may_do, an_operator_is_refused_once_revoked];

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

async fn an_operator_is_refused_once_revoked() {
    TestApp::run(async |app| {
        super::is_refused_once_revoked(app, "/operators", json!({"name": "eve", "role": "admin"})).await;
    })
    .await;
}
