//! One customer never sees another: a foreign id and an absent one answer alike, warm and cold.

use std::time::{Duration, Instant};

use ledger_core::{AccountId, EntryId, Owner};
use ledger_tests::{
    service::{Answer, Client, TestApp},
    usd,
};
use uuid::Uuid;

crate::tests![a_foreign_id_and_an_absent_one_answer_alike, a_foreign_id_and_an_absent_one_take_as_long];

async fn a_foreign_id_and_an_absent_one_answer_alike() {
    TestApp::run(async |app| {
        let foreign = app.tenant("acme").await.account("10").await;
        let charge = app.admin.charge(foreign, "1").await.expect(201).id();
        let own = app.tenant("other").await;
        let own_account = own.account("10").await;
        let (_, key) = own.key().await;
        // A gateway that acts for one payer is as confined as that payer.
        let confined = app.gateway().await.virtual_key(&key);
        let absent = AccountId::of(Owner::User(Uuid::from_u128(9)), usd());
        let absent_charge = EntryId::new(absent, 3).0;
        let absent_of_own = EntryId::new(AccountId(own_account), 99).0;

        let cold = app.second().await;
        for client in [&confined, &confined.at(&cold)] {
            let expected = probe(client, absent.0, absent_charge).await;
            for (account, entry) in [(foreign, charge), (absent.0, absent_of_own), (Uuid::max(), Uuid::nil())]
            {
                let found = probe(client, account, entry).await;
                for (found, expected) in found.iter().zip(&expected) {
                    assert_eq!(found.problem(), (404, "not_found"));
                    assert_eq!(found.likeness(), expected.likeness());
                }
            }
            client.charge(own_account, "1").await.expect(201);
        }
        assert_eq!(app.admin.balance(foreign).await, "9");
        cold.close().await;
    })
    .await;
}

async fn probe(client: &Client, account: Uuid, entry: Uuid) -> Vec<Answer> {
    vec![
        client.get(&format!("/accounts/{account}")).await,
        client.get(&format!("/accounts/{account}/balance")).await,
        client.get(&format!("/accounts/{account}/statement")).await,
        client.get(&format!("/accounts/{account}/entries")).await,
        client.charge(account, "1").await,
        client.get(&format!("/entries/{entry}")).await,
        client.get(&format!("/charges/{entry}")).await,
        client.get(&format!("/top-ups/{entry}")).await,
        client.get(&format!("/accounts/{account}/entries?key=k&type=charged&order=desc")).await,
        client.get(&format!("/accounts/{account}/entries?reference=pi_1")).await,
        client.give_back(&format!("/charges/{entry}/refunds"), Some("0.01")).await,
        client.get("/accounts/not-an-id").await,
    ]
}

async fn a_foreign_id_and_an_absent_one_take_as_long() {
    TestApp::run(async |app| {
        let foreign = app.tenant("acme").await.account("10").await;
        let charge = app.admin.charge(foreign, "1").await.expect(201).id();
        let own = app.tenant("other").await;
        own.account("10").await;
        let (_, key) = own.key().await;
        let confined = app.gateway().await.virtual_key(&key);
        let absent = AccountId::of(Owner::User(Uuid::from_u128(9)), usd());
        let absent_charge = EntryId::new(absent, 3).0;
        // Medians of calls that take turns: what else runs on the machine slows both.
        let mut took: [Vec<Duration>; 4] = Default::default();
        for _ in 0..41 {
            for (times, call) in took.iter_mut().zip([
                confined.charge(foreign, "1"),
                confined.charge(absent.0, "1"),
                confined.give_back(&format!("/charges/{charge}/refunds"), None),
                confined.give_back(&format!("/charges/{absent_charge}/refunds"), None),
            ]) {
                let begun = Instant::now();
                assert_eq!(call.await.problem(), (404, "not_found"));
                times.push(begun.elapsed());
            }
        }
        let [charge_foreign, charge_absent, refund_foreign, refund_absent] = took.map(|mut times| {
            times.sort();
            times[times.len() / 2]
        });
        for (one, other) in [(charge_foreign, charge_absent), (refund_foreign, refund_absent)] {
            let (less, more) = (one.min(other), one.max(other));
            assert!(more < less * 3, "a foreign one takes {one:?}, an absent one {other:?}");
        }
    })
    .await;
}
