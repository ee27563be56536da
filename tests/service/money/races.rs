//! Many clients, two service processes, one database: the floor is exact through HTTP too.

use futures::future::join_all;
use ledger_tests::service::TestApp;

crate::tests![sixty_four_clients_at_two_services_spend_exactly_what_there_is];

async fn sixty_four_clients_at_two_services_spend_exactly_what_there_is() {
    TestApp::run(async |app| {
        let acme = app.tenant("acme").await;
        let account = acme.account("5.00").await;
        let (key, _) = acme.key().await;
        let second = app.second().await;
        let (here, there) = (key.clone(), key.at(&second));
        let spend = async |idx: usize| {
            let client = if idx.is_multiple_of(2) { &here } else { &there };
            let mut paid = 0;
            for attempt in 0..20 {
                let name = format!("{idx}/{attempt}");
                let mut answer = client.pay("0.01").key(&name).await;
                // Busy is no outcome: it is asked again with the same key.
                while answer.status == 503 {
                    answer = client.pay("0.01").key(&name).await;
                }
                match answer.problem() {
                    (201, _) => paid += 1,
                    refused => assert_eq!(refused, (402, "insufficient_funds")),
                }
            }
            paid
        };
        let paid: usize = join_all((0..64).map(spend)).await.iter().sum();
        assert_eq!(paid, 500);
        assert_eq!(app.admin.balance(account).await, "0");
        second.close().await;
    })
    .await;
}
