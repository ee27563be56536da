//! Refunds of charges: never more than the charge.

use ledger_tests::service::TestApp;

crate::tests![a_charge_takes_and_a_refund_gives_back];

async fn a_charge_takes_and_a_refund_gives_back() {
    TestApp::run(async |app| {
        let account = app.tenant("acme").await.account("100").await;
        let charge = app.admin.charge(account, "30.5").await.expect(201);
        assert_eq!((charge.text("type"), charge.text("balance_after")), ("charged", "69.5"));
        assert_eq!(charge.header("location"), Some(format!("/entries/{}", charge.id()).as_str()));
        assert_eq!(charge.header("etag"), Some("\"3\""));
        let refunds = format!("/charges/{}/refunds", charge.id());

        let part = app.admin.give_back(&refunds, Some("10")).await.expect(201);
        assert_eq!((part.text("balance_after"), part.text("refers_to")), ("79.5", charge.text("id")));
        let too_much = app.admin.give_back(&refunds, Some("20.51")).await;
        assert_eq!(too_much.problem(), (409, "refund_exceeds_charge"));
        assert_eq!((too_much.text("charged"), too_much.text("refunded")), ("30.5", "10"));
        let gateway = app.gateway().await;
        gateway.give_back(&refunds, None).await.expect(201);
        assert_eq!(app.admin.balance(account).await, "100");
    })
    .await;
}
