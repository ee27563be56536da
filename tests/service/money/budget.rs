//! What a virtual key may cost its payer, and who that is.

use ledger_tests::service::TestApp;
use serde_json::json;

crate::tests![
    a_members_key_costs_the_tenant_and_an_individuals_key_themselves,
    a_check_tells_what_a_charge_would_hear,
    a_suspended_tenant_begins_nothing_new,
    a_virtual_key_can_only_cost_its_own_payer,
];

async fn a_members_key_costs_the_tenant_and_an_individuals_key_themselves() {
    TestApp::run(async |app| {
        for owner in [app.tenant("acme").await, app.individual("ada").await] {
            let account = owner.account("10").await;
            let (key, text) = owner.key().await;
            let paid = key.pay("3").await.expect(201);
            assert_eq!(
                (paid.text("account_id"), paid.text("balance_after")),
                (account.to_string().as_str(), "7")
            );
            app.anonymous().bearer(&text).pay("1").await.expect(201);
            app.gateway().await.virtual_key(&text).pay("1").await.expect(201);
            let budget = key.get("/budget").await.expect(200);
            assert_eq!(budget.json["payer"], owner.json());
            assert_eq!(budget.json["accounts"][0]["available"], "5");
        }
        let mut superuser = app.books.db.superuser().await;
        let actors =
            "select count(distinct metadata ->> 'actor') from events where event_type = 'account.charged'";
        let actors: i64 = sqlx::query_scalar(actors).fetch_one(&mut superuser).await.unwrap();
        assert_eq!(actors, 4, "each event says which key, and which gateway");
    })
    .await;
}

async fn a_check_tells_what_a_charge_would_hear() {
    TestApp::run(async |app| {
        let acme = app.tenant("acme").await;
        acme.account("10").await;
        let (key, _) = acme.key().await;
        let check = |amount: &str, currency: &str| {
            key.post("/budget/check", json!({"amount": amount, "currency": currency}))
        };
        let yes = check("10", "USD").await.expect(200);
        assert_eq!((yes.json["allowed"].as_bool(), yes.text("spendable")), (Some(true), "10"));
        assert_eq!((&yes.json["payer"], yes.json["version"].as_u64()), (&acme.json(), Some(2)));
        let no = check("10.01", "USD").await.expect(200);
        assert_eq!((no.json["allowed"].as_bool(), no.text("reason")), (Some(false), "insufficient_funds"));
        for refused in
            [check("1", "EUR").await, key.post("/charges", json!({"amount": "1", "currency": "EUR"})).await]
        {
            assert_eq!(
                (refused.problem(), refused.pointer()),
                ((422, "no_account_in_currency"), "/currency")
            );
        }
        assert_eq!(key.pay("10.01").await.problem(), (402, "insufficient_funds"));
        let future = json!({"amount": "1", "currency": "USD", "effective_at": "2999-01-01T00:00:00Z"});
        assert_eq!(key.post("/charges", future).await.problem(), (422, "effective_in_future"));
    })
    .await;
}

async fn a_suspended_tenant_begins_nothing_new() {
    TestApp::run(async |app| {
        let acme = app.tenant("acme").await;
        let account = acme.account("10").await;
        let (key, _) = acme.key().await;
        let charge = key.pay("4").key("k").await.expect(201).id();
        let path = format!("/tenants/{}", acme.id);
        app.admin.patch(&path, json!({"status": "suspended"})).await.expect(200);
        assert_eq!(key.pay("1").await.problem(), (403, "tenant_suspended"));
        let check = key.post("/budget/check", json!({"amount": "1", "currency": "USD"})).await.expect(200);
        assert_eq!(check.text("reason"), "tenant_suspended");
        app.admin.give_back(&format!("/charges/{charge}/refunds"), None).await.expect(201);
        app.admin.patch(&path, json!({"status": "active"})).await.expect(200);
        key.pay("1").await.expect(201);
        assert_eq!(app.admin.balance(account).await, "9");
    })
    .await;
}

async fn a_virtual_key_can_only_cost_its_own_payer() {
    TestApp::run(async |app| {
        let acme = app.tenant("acme").await;
        let account = acme.account("10").await;
        let (key, _) = acme.key().await;
        let charge = key.pay("1").await.expect(201).id();
        for refused in [
            key.give_back(&format!("/charges/{charge}/refunds"), None).await,
            key.charge(account, "1").await,
            key.top_up(account, "1").await,
            key.get(&format!("/accounts/{account}")).await,
            key.get(&format!("/entries/{charge}")).await,
            key.get("/tenants").await,
            key.post("/keys", json!({})).await,
        ] {
            assert_eq!(refused.problem(), (403, "forbidden"));
        }
        assert_eq!(app.admin.balance(account).await, "9");
    })
    .await;
}
