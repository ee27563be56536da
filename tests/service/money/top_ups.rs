//! Top-ups, their refunds and chargebacks, and the range of money.

use ledger_tests::service::{Client, TestApp};
use serde_json::json;
use uuid::Uuid;

crate::tests![a_top_up_goes_out_again, a_fee_is_ours, the_range_of_money_holds];

async fn a_top_up_goes_out_again() {
    TestApp::run(async |app| {
        let account = app.tenant("acme").await.account("0").await;
        let cashier = app.operator("cashier").await;
        let top_up = cashier.top_up(account, "10").await.expect(201);
        assert_eq!((top_up.text("provider"), top_up.text("reference")), ("stripe", "pi_1"));
        let read = app.admin.get(&format!("/top-ups/{}", top_up.id())).await.expect(200);
        assert_eq!(
            (read.text("type"), read.text("amount"), read.text("reference")),
            ("topped_up", "10", "pi_1")
        );
        let refunds = format!("/top-ups/{}/refunds", top_up.id());
        let chargebacks = format!("/top-ups/{}/chargebacks", top_up.id());

        cashier.give_back(&refunds, Some("2")).await.expect(201);
        app.admin.charge(account, "7").await.expect(201);
        let gone = cashier.give_back(&refunds, Some("2")).await;
        assert_eq!(gone.problem(), (402, "insufficient_funds"));
        let taken = cashier.give_back(&chargebacks, Some("5")).await.expect(201);
        let no_top_up = app.admin.get(&format!("/top-ups/{}", taken.id())).await;
        assert_eq!(no_top_up.problem(), (404, "not_found"));
        assert_eq!((taken.text("type"), taken.text("balance_after")), ("charged_back", "-4"));
        for path in [&refunds, &chargebacks] {
            let more = cashier.give_back(path, Some("4")).await;
            assert_eq!(more.problem(), (409, "refund_exceeds_top_up"));
            assert_eq!((more.text("topped_up"), more.text("returned")), ("10", "7"));
        }
        let account = cashier.get(&format!("/accounts/{account}")).await.expect(200);
        assert_eq!((account.text("forced_debt"), account.text("available")), ("4", "-4"));
    })
    .await;
}

async fn a_fee_is_ours() {
    TestApp::run(async |app| {
        let account = app.tenant("acme").await.account("0").await;
        let path = format!("/accounts/{account}/top-ups");
        let body = json!({"amount": "10", "currency": "USD", "provider": "stripe", "reference": "pi", "fee": "0.59"});
        let top_up = app.admin.post(&path, body.clone()).await.expect(201);
        assert_eq!(top_up.text("balance_after"), "10");
        assert_eq!(top_up.json["movements"][1], json!({"debit": "fees", "credit": "cash/stripe", "amount": "0.59"}));
        let mut euros = body.clone();
        euros["currency"] = json!("EUR");
        assert_eq!(app.admin.post(&path, euros).await.problem(), (422, "no_account_in_currency"));
        let mut nobody = body;
        nobody["provider"] = json!("Stripe!");
        assert_eq!(app.admin.post(&path, nobody).await.pointer(), "/provider");
    })
    .await;
}

async fn the_range_of_money_holds() {
    TestApp::run(async |app| {
        let all = "999999999999999";
        let account = app.tenant("acme").await.account("0").await;
        let first = app.admin.top_up(account, all).await.expect(201).id();
        assert_eq!(app.admin.top_up(account, "1").await.problem(), (422, "out_of_range"));
        let charge = app.admin.charge(account, all).await.expect(201).id();
        let second = app.admin.top_up(account, all).await.expect(201).id();
        let refund = app.admin.give_back(&format!("/charges/{charge}/refunds"), None).await;
        assert_eq!(refund.problem(), (422, "out_of_range"));
        app.admin.charge(account, all).await.expect(201);
        charge_back(&app.admin, first).await.expect(201);
        assert_eq!(charge_back(&app.admin, second).await.problem(), (422, "out_of_range"));
        assert_eq!(app.admin.balance(account).await, format!("-{all}"));
    })
    .await;
}

async fn charge_back(client: &Client, top_up: Uuid) -> ledger_tests::service::Answer {
    client.give_back(&format!("/top-ups/{top_up}/chargebacks"), None).await
}
