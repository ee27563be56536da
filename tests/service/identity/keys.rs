//! Keys: shown once, refused at once when revoked, never seen in a log or in the database.

use std::{
    io,
    sync::{Arc, Mutex},
};

use ledger_tests::service::TestApp;
use serde_json::json;

crate::tests![
    a_key_is_shown_once_and_can_be_rotated_and_revoked,
    a_revoked_key_learns_of_its_own_outcomes_and_nothing_else,
    a_wrong_credential_learns_nothing,
    no_secret_is_logged_or_stored,
];

async fn a_key_is_shown_once_and_can_be_rotated_and_revoked() {
    TestApp::run(async |app| {
        let acme = app.tenant("acme").await;
        acme.account("10").await;
        let user = acme.user().await;
        let made = app.admin.post("/keys", json!({"user_id": user, "name": "laptop"})).await.expect(201);
        let path = format!("/keys/{}", made.id());
        let first = app.anonymous().virtual_key(made.text("key"));
        first.pay("1").await.expect(201);
        let shown = app.admin.get(&path).await.expect(200);
        assert_eq!((shown.text("name"), shown.json.get("key")), ("laptop", None));

        let rotated = app.admin.post(&format!("{path}/rotate"), json!({})).await.expect(200);
        let second = app.anonymous().virtual_key(rotated.text("key"));
        assert_eq!(first.pay("1").await.problem(), (401, "unauthenticated"));
        second.pay("1").await.expect(201);
        let stale = app.admin.patch(&path, json!({"name": "desk"})).header("if-match", "\"1\"").await;
        assert_eq!(stale.problem(), (412, "stale_version"));
        let renamed =
            app.admin.patch(&path, json!({"name": "desk"})).header("if-match", "\"2\"").await.expect(200);
        assert_eq!(renamed.text("name"), "desk");

        app.admin.delete(&path).await.expect(204);
        assert_eq!(second.pay("1").await.problem(), (401, "unauthenticated"));
        for gone in [
            app.admin.delete(&path).await,
            app.admin.post(&format!("{path}/rotate"), json!({})).await,
            app.admin.patch(&path, json!({"name": "x"})).await,
        ] {
            assert_eq!(gone.problem(), (404, "not_found"));
        }
        let listed = app.admin.get(&format!("/keys?user_id={user}")).await.expect(200);
        assert!(listed.json["data"][0]["revoked_at"].is_string(), "{listed:?}");
        let nobody = json!({"user_id": uuid::Uuid::from_u128(4), "name": "x"});
        let refused = app.admin.post("/keys", nobody).await;
        assert_eq!((refused.problem(), refused.pointer()), ((422, "owner_not_found"), "/user_id"));
    })
    .await;
}

async fn a_revoked_key_learns_of_its_own_outcomes_and_nothing_else() {
    TestApp::run(async |app| {
        let acme = app.tenant("acme").await;
        let account = acme.account("10").await;
        let key = json!({"user_id": acme.user().await, "name": "laptop"});
        let key = app.admin.post("/keys", key).await.expect(201);
        let gateway = app.admin.post("/gateways", json!({"name": "edge"})).await.expect(201);
        let customer = app.anonymous().virtual_key(key.text("key"));
        let edge = app.anonymous().bearer(gateway.text("key"));
        let paid = customer.pay("1").key("paid").await.expect(201);
        customer.pay("100").key("refused").await.expect(402);
        let charged = edge.charge(account, "2").key("charged").await.expect(201);
        app.admin.delete(&format!("/keys/{}", key.id())).await.expect(204);
        app.admin.delete(&format!("/gateways/{}", gateway.id())).await.expect(204);

        let cold = app.second().await;
        for (customer, edge) in [(&customer, &edge), (&customer.at(&cold), &edge.at(&cold))] {
            for (again, first) in [
                (customer.pay("1").key("paid").await.expect(201), &paid),
                (edge.charge(account, "2").key("charged").await.expect(201), &charged),
            ] {
                assert_eq!(again.header("idempotency-replayed"), Some("true"));
                assert_eq!(again.body, first.body);
            }
            assert_eq!(customer.pay("100").key("refused").await.problem(), (402, "insufficient_funds"));
            let euros = json!({"amount": "1", "currency": "EUR"});
            for nothing in [
                customer.pay("1").key("new").await,
                customer.pay("2").key("paid").await,
                customer.pay("2").key("charged").await,
                customer.post("/charges", euros).await,
                customer.get("/budget").await,
                edge.charge(account, "1").key("new").await,
                edge.charge(uuid::Uuid::max(), "1").key("new").await,
                edge.get(&format!("/accounts/{account}")).await,
                edge.give_back(&format!("/charges/{}/refunds", charged.id()), None).await,
                edge.top_up(account, "1").await,
            ] {
                assert_eq!(nothing.problem(), (401, "unauthenticated"), "{nothing:?}");
            }
        }
        assert_eq!(app.admin.balance(account).await, "7");
        cold.close().await;
    })
    .await;
}

async fn a_wrong_credential_learns_nothing() {
    TestApp::run(async |app| {
        let acme = app.tenant("acme").await;
        let account = acme.account("1").await;
        let (_, text) = acme.key().await;
        let (_, other) = acme.key().await;
        let path = format!("/accounts/{account}");
        let expected = app.anonymous().get(&path).await;
        assert_eq!(
            (expected.problem(), expected.header("www-authenticate")),
            ((401, "unauthenticated"), Some("Bearer"))
        );
        let wrong =
            ["x", "op_x", &format!("op_{}", "a".repeat(43)), &"a".repeat(5_000), "eyJhbGciOiJub25lIn0.e30."];
        for key in wrong {
            let refused = app.anonymous().bearer(key).get(&path).await;
            assert_eq!(refused.likeness(), expected.likeness(), "{key}");
            let refused = app.anonymous().virtual_key(key).get("/budget").await;
            assert_eq!(refused.likeness(), expected.likeness(), "{key}");
        }
        for refused in [
            app.anonymous().bearer(&text).virtual_key(&other).get("/budget").await,
            app.anonymous().get("/budget").header("authorization", "Basic eDp5").await,
            app.gateway().await.virtual_key("vk_wrong").get("/budget").await,
            app.admin
                .get(&path)
                .and_header("authorization", &format!("Bearer {}", app.admin_key.reveal()))
                .await,
            app.anonymous().virtual_key(&text).get("/budget").and_header("x-virtualkey", &text).await,
        ] {
            assert_eq!(refused.problem(), (401, "unauthenticated"));
        }
        app.anonymous().bearer(&text).virtual_key(&text).get("/budget").await.expect(200);
    })
    .await;
}

/// What the whole process logs while somebody listens, other tests' requests too: a log of one thread alone would not show
/// what the lanes and the pools say.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Option<Vec<u8>>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(written) = self.0.lock().unwrap().as_mut() {
            written.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn no_secret_is_logged_or_stored() {
    let log = Log(Arc::new(Mutex::new(Some(Vec::new()))));
    let writer = log.clone();
    ledger_service::telemetry::install_log_into(move || writer.clone());
    TestApp::run(async |app| {
        let acme = app.tenant("acme").await;
        acme.account("1").await;
        let (key, text) = acme.key().await;
        let gateway = app.admin.post("/gateways", json!({"name": "edge"})).await.expect(201);
        app.anonymous().bearer(gateway.text("key")).virtual_key(&text).pay("0.5").await.expect(201);
        assert_eq!(key.pay("1000").await.problem(), (402, "insufficient_funds"));
        app.anonymous().get(&format!("/budget?key={text}")).await.expect(422);
        let secrets = [text.as_str(), gateway.text("key"), app.admin_key.reveal()];

        let logged = String::from_utf8(log.0.lock().unwrap().take().unwrap()).unwrap();
        assert!(logged.contains("insufficient_funds"), "the log says what was refused: {logged}");
        let mut superuser = app.books.db.superuser().await;
        let rows = "select coalesce(string_agg(t::text, ''), '') from (
            select to_jsonb(o)::text as t from operators o union all select to_jsonb(g)::text from gateways g
            union all select to_jsonb(k)::text from virtual_keys k union all select to_jsonb(e)::text from events e) t";
        let stored: String = sqlx::query_scalar(rows).fetch_one(&mut superuser).await.unwrap();
        for secret in secrets {
            let random = &secret[3..];
            assert!(!logged.contains(random), "a secret is in the log");
            assert!(!stored.contains(random), "a secret is in the database");
        }
        assert!(!format!("{:?}", app.admin_key).contains(&app.admin_key.reveal()[3..]));
    })
    .await;
}
