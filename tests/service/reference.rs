//! The reference and the service say the same: sweeps over every operation that it declares, and the check at the very end.

use std::time::Duration;

use axum::{body::Body, http::Method};
use futures::stream;
use ledger_service::config::Limits;
use ledger_tests::service::{Call, Client, Operation, Owner, Recorder, TestApp, fresh};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use uuid::Uuid;

crate::tests![
    every_operation_does_what_it_is_for,
    every_operation_knows_who_may,
    every_operation_refuses_what_it_cannot_read,
    a_reader_who_has_the_answer_is_told_so,
    every_operation_survives_the_loss_of_the_database,
    an_account_in_quarantine_is_out_of_service_alone,
    a_slow_body_is_not_waited_for,
];

/// The check on all other tests: what is declared and none of them has seen.
pub(crate) fn coverage() -> Vec<Trial> {
    vec![Trial::test("reference::every_declared_outcome_was_observed", || {
        let missing: Vec<String> = Recorder::missing().iter().map(ToString::to_string).collect();
        let all = Recorder::declared().len();
        if missing.is_empty() {
            return Ok(());
        }
        Err(format!("{} of {all} declared outcomes were never seen:\n{}", missing.len(), missing.join("\n"))
            .into())
    })]
}

/// One valid request for an operation, with everything that it needs made before.
pub(crate) struct Example<'a> {
    pub(crate) operation: &'a Operation,
    /// Whose things it is about, as far as they are anybody's.
    pub(crate) owner: Owner<'a>,
    client: Client,
    path: String,
    body: Option<Value>,
}

impl Example<'_> {
    fn call(&self) -> Call {
        self.by(&self.client)
    }

    pub(crate) fn by(&self, client: &Client) -> Call {
        self.at(client, &self.path)
    }

    fn at(&self, client: &Client, path: &str) -> Call {
        let method: Method = self.operation.method.parse().unwrap();
        client.call(method, path, self.body.clone()).key(&fresh("key"))
    }

    fn moves_money(&self) -> bool {
        declares(self.operation, 400, "idempotency_key_missing")
    }
}

fn declares(operation: &Operation, status: u16, code: &str) -> bool {
    let (operation, code) = (operation.id.clone(), code.to_owned());
    Recorder::declared().contains(&ledger_tests::service::Outcome { operation, status, code })
}

async fn examples(app: &TestApp) -> Vec<Example<'_>> {
    let mut examples = Vec::new();
    for operation in Recorder::operations() {
        examples.push(example(app, operation).await);
    }
    examples
}

pub(crate) async fn example<'a>(app: &'a TestApp, operation: &'a Operation) -> Example<'a> {
    let acme = app.tenant("acme").await;
    let money = json!({"amount": "1", "currency": "USD"});
    let give_back = json!({"amount": "1", "reason": "asked for"});
    let top_up = json!({"amount": "1", "currency": "USD", "provider": "stripe", "reference": "pi"});
    let (mut client, mut id) = (app.admin.clone(), Uuid::nil());
    let (mut query, mut body) = (String::new(), None);
    match operation.id.as_str() {
        "open_account" => body = Some(json!({"owner": acme.json(), "currency": "USD"})),
        "list_accounts" => query = format!("?owner_tenant_id={}", acme.id),
        "get_account" | "get_balance" | "get_statement" | "list_entries" => id = acme.account("0").await,
        "create_top_up" => (id, body) = (acme.account("0").await, Some(top_up)),
        "create_charge" => (id, body) = (acme.account("10").await, Some(money)),
        "get_charge" | "get_entry" | "refund_charge" => {
            id = app.admin.charge(acme.account("10").await, "5").await.expect(201).id();
            body = (operation.method == "POST").then_some(give_back);
        }
        "get_top_up" | "refund_top_up" | "charge_back_top_up" => {
            id = app.admin.top_up(acme.account("0").await, "5").await.expect(201).id();
            body = (operation.method == "POST").then_some(give_back);
        }
        "create_own_charge" | "get_budget" | "check_budget" => {
            acme.account("10").await;
            client = acme.key().await.0;
            body = (operation.method == "POST").then_some(money);
        }
        "create_tenant" => body = Some(json!({"name": "x", "slug": fresh("x")})),
        "create_user" => {
            body = Some(json!({"email": format!("{}@example.com", fresh("x")), "full_name": "x"}))
        }
        "create_key" => body = Some(json!({"user_id": acme.user().await, "name": "x"})),
        "create_operator" => body = Some(json!({"name": "x", "role": "auditor"})),
        "create_gateway" => body = Some(json!({"name": "x"})),
        "get_tenant" => id = acme.id,
        "update_tenant" => (id, body) = (acme.id, Some(json!({"name": "y"}))),
        "get_user" => id = acme.user().await,
        "update_user" => (id, body) = (acme.user().await, Some(json!({"full_name": "y"}))),
        "get_key" | "revoke_key" | "rotate_key" | "update_key" => {
            let key = json!({"user_id": acme.user().await, "name": "x"});
            id = app.admin.post("/keys", key).await.expect(201).id();
            body = (operation.id == "update_key").then(|| json!({"name": "y"}));
        }
        "revoke_operator" | "rotate_operator" => {
            let operator = json!({"name": "x", "role": "auditor"});
            id = app.admin.post("/operators", operator).await.expect(201).id();
            body = (operation.id == "rotate_operator").then(|| json!({}));
        }
        "revoke_gateway" | "rotate_gateway" => {
            id = app.admin.post("/gateways", json!({"name": "x"})).await.expect(201).id();
            body = (operation.id == "rotate_gateway").then(|| json!({}));
        }
        "list_tenants" | "list_users" | "list_keys" | "list_operators" | "list_gateways" | "get_overview"
        | "check_health" | "check_readiness" | "show_metrics" => {}
        unknown => panic!("{unknown} is new: give it an example here"),
    }
    let path = operation.path.replace("{id}", &id.to_string()) + &query;
    Example { operation, owner: acme, client, path, body }
}

async fn every_operation_does_what_it_is_for() {
    TestApp::run(async |app| {
        for example in examples(app).await {
            let answer = example.call().await;
            assert!(answer.status < 300, "{}: {answer:?}", example.operation.id);
        }
    })
    .await;
}

async fn every_operation_knows_who_may() {
    TestApp::run(async |app| {
        let other = app.tenant("other").await;
        other.account("1").await;
        let (key, text) = other.key().await;
        for example in examples(app).await {
            let id = &example.operation.id;
            if !declares(example.operation, 401, "unauthenticated") {
                continue;
            }
            assert_eq!(example.by(&app.anonymous()).await.problem(), (401, "unauthenticated"), "{id}");
            let is_for_keys = example.by(&key).await.status != 403;
            let stranger = if is_for_keys { &app.admin } else { &key };
            assert_eq!(example.by(stranger).await.problem(), (403, "forbidden"), "{id}");
            // 403 says nothing about what there is.
            let nothing =
                example.at(stranger, &example.operation.path.replace("{id}", &Uuid::max().to_string()));
            assert_eq!(nothing.await.problem(), (403, "forbidden"), "{id}");
            if example.moves_money() {
                let here = example.call().key("k").await.expect(201);
                let again = example.call().key("k").await.expect(201);
                assert_eq!(
                    (again.header("idempotency-replayed"), &again.body),
                    (Some("true"), &here.body),
                    "{id}"
                );
                let mut changed = example.body.clone().unwrap();
                let field = if id == "open_account" { "credit_limit" } else { "amount" };
                changed[field] = json!("2");
                let other = example.call().body(changed.to_string());
                assert_eq!(other.key("k").await.problem(), (422, "idempotency_key_reused"), "{id}");
            }
        }
        assert_eq!(app.anonymous().virtual_key(&text).get("/budget").await.status, 200);
    })
    .await;
}

async fn every_operation_refuses_what_it_cannot_read() {
    TestApp::run(async |app| {
        for example in examples(app).await {
            let id = &example.operation.id;
            if example.operation.path.contains("{id}") {
                for absent in [Uuid::max().to_string(), "nonsense".to_owned()] {
                    let path = example.operation.path.replace("{id}", &absent);
                    let answer = example.at(&example.client, &path).await;
                    assert_eq!(answer.problem(), (404, "not_found"), "{id}");
                }
            }
            if declares(example.operation, 412, "stale_version") {
                let stale = example.call().header("if-match", "\"999\"").await;
                assert_eq!(stale.problem(), (412, "stale_version"), "{id}");
            }
            if example.moves_money() {
                let keyless = example.call().without("idempotency-key").await;
                assert_eq!(keyless.problem(), (400, "idempotency_key_missing"), "{id}");
            }
            if example.body.is_some() {
                assert_eq!(example.call().body("{").await.problem(), (400, "malformed"), "{id}");
                assert_eq!(
                    example.call().body("{\"nonsense\": 1}").await.problem(),
                    (422, "invalid"),
                    "{id}"
                );
                let plain = example.call().header("content-type", "text/plain").await;
                assert_eq!(plain.problem(), (415, "unsupported_media_type"), "{id}");
                let large = example.call().body(" ".repeat(1 << 20)).await;
                assert_eq!(large.problem(), (413, "too_large"), "{id}");
            }
            let sign = if example.path.contains('?') { '&' } else { '?' };
            let unknown = example.at(&example.client, &format!("{}{sign}dry_run=true&b=1", example.path));
            let unknown = unknown.await;
            assert_eq!((unknown.problem(), unknown.pointer()), ((422, "invalid"), "?dry_run"), "{id}");
            assert_eq!(unknown.json["errors"][1]["pointer"], "?b", "{id}: every fault is named");
        }
    })
    .await;
}

async fn a_reader_who_has_the_answer_is_told_so() {
    TestApp::run(async |app| {
        for example in examples(app).await {
            if !declares(example.operation, 304, "") {
                continue;
            }
            let id = &example.operation.id;
            let tag = example.call().await.expect(200).header("etag").unwrap().to_owned();
            for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
                let unchanged = example.call().header("if-none-match", &known).await.expect(304);
                assert_eq!((unchanged.header("etag"), unchanged.body.len()), (Some(tag.as_str()), 0), "{id}");
            }
            let other = example.call().header("if-none-match", "\"999\"").await;
            assert!(!other.expect(200).body.is_empty(), "{id}");
        }
    })
    .await;
}

async fn every_operation_survives_the_loss_of_the_database() {
    let app = TestApp::open(Limits::default()).await;
    let examples = examples(&app).await;
    app.books.db.cut().await;
    for example in examples {
        let answer = example.call().await;
        if declares(example.operation, 503, "try_again") {
            assert_eq!(answer.problem(), (503, "try_again"), "{}", example.operation.id);
            assert_eq!(answer.header("retry-after"), Some("1"));
        } else {
            answer.expect(200);
        }
    }
    app.app.close().await;
}

async fn an_account_in_quarantine_is_out_of_service_alone() {
    TestApp::run(async |app| {
        let healthy = app.tenant("healthy").await.account("1").await;
        let examples = examples(app).await;
        for example in &examples {
            // So that the account to be opened is there to be put in quarantine.
            if example.operation.id == "open_account" {
                example.call().await.expect(201);
            }
        }
        let mut superuser = app.books.db.superuser().await;
        let all_but_one = "insert into quarantine (account_id, realm_id, reason)
            select account_id, realm_id, 'for a test' from account_balances where account_id <> $1";
        sqlx::query(all_but_one).bind(healthy).execute(&mut superuser).await.unwrap();
        let cold = app.second().await;
        for example in examples {
            if declares(example.operation, 503, "account_quarantined") {
                let refused = example.by(&example.client.at(&cold)).await;
                assert_eq!(refused.problem(), (503, "account_quarantined"), "{}", example.operation.id);
            }
        }
        app.admin.at(&cold).charge(healthy, "1").await.expect(201);
        cold.close().await;
        sqlx::query("delete from quarantine").execute(&mut superuser).await.unwrap();
    })
    .await;
}

async fn a_slow_body_is_not_waited_for() {
    let limits = Limits { body_timeout: Duration::from_millis(50), ..Limits::default() };
    TestApp::run_within(limits, async |app| {
        for example in examples(app).await {
            if declares(example.operation, 408, "request_timeout") {
                let stalled = Body::from_stream(stream::pending::<Result<String, std::io::Error>>());
                let answer = example.call().body(stalled).await;
                assert_eq!(answer.problem(), (408, "request_timeout"), "{}", example.operation.id);
            }
        }
    })
    .await;
}
