//! Operators: the people and programs of the platform.

use ledger_service::app::{OperatorRole, create_operator};
use ledger_tests::{
    label,
    service::{TestApp, fresh},
};
use serde_json::json;
use sqlx::Executor;

crate::tests![
    roles_decide_what_an_operator_may_do,
    an_operator_is_refused_once_revoked,
    an_operator_rotates_without_a_gap,
    the_last_admin_stays,
    two_admins_who_revoke_each_other_leave_one,
    the_database_takes_an_admin_from_an_admin_alone,
];

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

async fn an_operator_rotates_without_a_gap() {
    TestApp::run(async |app| {
        for role in ["cashier", "admin"] {
            super::rotates_with_grace(app, "/operators", json!({"name": "eve", "role": role})).await;
        }
    })
    .await;
}

async fn the_last_admin_stays() {
    TestApp::run(async |app| {
        let admins = app.admin.get("/operators").await.expect(200);
        let first = format!("/operators/{}", admins.json["data"][0]["id"].as_str().unwrap());
        app.operator("cashier").await;
        assert_eq!(app.admin.delete(&first).await.problem(), (409, "last_admin"));
        let second = app.operator("admin").await;
        app.admin.delete(&first).await.expect(204);
        assert_eq!(app.admin.get("/operators").await.problem(), (401, "unauthenticated"));
        assert_eq!(second.delete(&first).await.problem(), (404, "not_found"));

        // Whoever is on the machine can always make another one.
        let db = &app.books.db;
        let url = db.superuser_url();
        let key = create_operator(&url, label("root"), OperatorRole::Admin, label("machine")).await.unwrap();
        let third = app.anonymous().bearer(key.reveal());
        third.post("/operators", json!({"name": "x", "role": "admin"})).await.expect(201);
        let service = create_operator(&db.url(), label("root"), OperatorRole::Admin, label("service")).await;
        assert!(service.is_err(), "the service's own login cannot");
    })
    .await;
}

async fn two_admins_who_revoke_each_other_leave_one() {
    TestApp::run(async |app| {
        for _ in 0..10 {
            let made = app.admin.post("/operators", json!({"name": "x", "role": "admin"})).await.expect(201);
            let other = app.anonymous().bearer(made.text("key"));
            let listed = app.admin.get("/operators?limit=1000").await.expect(200);
            let rows = listed.json["data"].as_array().unwrap().iter();
            let admins = rows.filter(|row| row["role"] == "admin" && row["revoked_at"].is_null());
            let ids: Vec<_> = admins.map(|row| row["id"].as_str().unwrap().to_owned()).collect();
            assert_eq!(ids.len(), 2);
            let one = |idx: usize| format!("/operators/{}", ids[idx]);
            let (here, there) = futures::join!(async { app.admin.delete(&one(1)).await }, async {
                other.delete(&one(0)).await
            },);
            let gone = [&here, &there].iter().filter(|answer| answer.status == 204).count();
            assert_eq!(gone, 1, "{here:?} {there:?}");
            if there.status == 204 {
                // The test goes on as its first admin.
                let revive = format!(
                    "update operators set revoked_at = null, revoked_by = null where operator_id = '{}'",
                    ids[0]
                );
                app.books.db.tamper(&revive).await;
                app.admin.delete(&one(1)).await.expect(204);
            }
        }
    })
    .await;
}

async fn the_database_takes_an_admin_from_an_admin_alone() {
    TestApp::run(async |app| {
        let mut platform = app.books.db.login("ledger_platform").await;
        let insert = |role: &str| {
            format!(
                "insert into operators (operator_id, name, role, digest, created_by)
                 values (gen_random_uuid(), 'x', '{role}', sha256(gen_random_uuid()::text::bytea), 'x')"
            )
        };
        platform.execute(insert("cashier").as_str()).await.unwrap();
        // All that is kept does not help: it is one hash too far.
        let replayed = "select set_config('ledger.admin_proof', encode(digest, 'hex'), false) from operators where role = 'admin'";
        platform.execute(replayed).await.unwrap();
        let refused = platform.execute(insert("admin").as_str()).await.unwrap_err();
        assert_eq!(refused.as_database_error().unwrap().code().as_deref(), Some("42501"), "{refused}");
        let steal = "update operators set digest = sha256('mine') where role = 'admin'";
        assert_eq!(platform.execute(steal).await.unwrap().rows_affected(), 0, "no admin's key is exchanged");
    })
    .await;
}
