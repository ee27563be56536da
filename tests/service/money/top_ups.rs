//! Top-ups, their refunds and chargebacks, and the range of money.

use std::future::IntoFuture;

use futures::future::join_all;
use ledger_tests::service::{Client, TestApp};
use serde_json::{Value, json};
use uuid::Uuid;

crate::tests![
    a_top_up_goes_out_again,
    one_payment_credits_once,
    a_payment_is_no_finer_than_a_coin,
    a_fee_is_ours,
    the_range_of_money_holds,
];

async fn a_top_up_goes_out_again() {
    TestApp::run(async |app| {
        let account = app.tenant("acme").await.account("0").await;
        let cashier = app.operator("cashier").await;
        let top_up = cashier.pay_in(account, "10", "stripe", "pi_1").await.expect(201);
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

/// A provider sends its webhook again, to another process and with a key that nobody has seen.
async fn one_payment_credits_once() {
    TestApp::run(async |app| {
        let account = app.tenant("acme").await.account("0").await;
        let first = app.admin.pay_in(account, "10", "stripe", "pi_1").key("in").await.expect(201);
        let cold = app.second().await;
        for client in [&app.admin, &app.admin.at(&cold)] {
            for (key, amount) in [("again", "10"), ("other sum", "11")] {
                let refused = client.pay_in(account, amount, "stripe", "pi_1").key(key).await;
                assert_eq!(refused.problem(), (409, "payment_already_booked"));
                assert_eq!(refused.text("entry_id"), first.text("id"));
            }
            let retried = client.pay_in(account, "10", "stripe", "pi_1").key("in").await.expect(201);
            assert_eq!(retried.header("idempotency-replayed"), Some("true"));
        }
        app.admin.pay_in(account, "10", "bank", "pi_1").await.expect(201);
        let other = app.tenant("other").await.account("0").await;
        app.admin.pay_in(other, "10", "stripe", "pi_1").await.expect(201);

        let clients = [&app.admin, &app.admin.at(&cold)];
        let at_once =
            (0..20).map(|idx| clients[idx % 2].pay_in(account, "1", "stripe", "pi_2").into_future());
        let answers = join_all(at_once).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
        assert!(
            answers
                .iter()
                .all(|answer| answer.status == 201 || answer.problem() == (409, "payment_already_booked"))
        );
        assert_eq!(app.admin.balance(account).await, "21");
        cold.close().await;
    })
    .await;
}

async fn a_payment_is_no_finer_than_a_coin() {
    TestApp::run(async |app| {
        let acme = app.tenant("acme").await;
        let opened = app.admin.post("/accounts", json!({"owner": acme.json(), "currency": "JPY"})).await;
        let account = opened.expect(201).id();
        let post = |path: &str, body: Value| app.admin.post(&format!("/accounts/{account}/{path}"), body);
        let top_up = |amount: &str, fee: &str| {
            post("top-ups", json!({"amount": amount, "currency": "JPY", "provider": "bank", "reference": "wire", "fee": fee}))
        };
        for (refused, pointer) in [(top_up("100.5", "1").await, "/amount"), (top_up("100", "1.5").await, "/fee")] {
            assert_eq!((refused.problem(), refused.pointer()), ((422, "too_precise"), pointer));
        }
        let id = top_up("100.00", "1.0").await.expect(201).id();
        for path in ["refunds", "chargebacks"] {
            let refused = app.admin.give_back(&format!("/top-ups/{id}/{path}"), Some("0.5")).await;
            assert_eq!((refused.problem(), refused.pointer()), ((422, "too_precise"), "/amount"));
        }
        // What is used may cost less than a coin.
        post("charges", json!({"amount": "0.000125", "currency": "JPY"})).await.expect(201);
        assert_eq!(app.admin.balance(account).await, "99.999875");
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
