//! Who may do what: one table, a row an operation, a column a credential. An operation without a row fails.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use ledger_tests::service::{Client, Recorder, TestApp};
use serde_json::json;

use crate::reference::{Example, example};

crate::tests![every_operation_answers_every_credential_as_the_table_says];

/// Cells asked for at once.
const AT_ONCE: usize = 8;

/// The columns: nobody; an admin's key that was revoked; operators by role; a gateway alone, for a key of the one whose things
/// they are, and for a key of somebody else; that key alone, and that other one.
const CREDENTIALS: [&str; 10] = [
    "anonymous",
    "revoked",
    "auditor",
    "cashier",
    "admin",
    "gateway",
    "gateway+key",
    "gateway+foreign",
    "key",
    "foreign",
];

const TABLE: &str = "
open_account        401 401 403 201 201 403 403 403 403 403
list_accounts       401 401 200 200 200 200 200 200 403 403
get_account         401 401 200 200 200 200 200 404 403 403
get_balance         401 401 200 200 200 200 200 404 403 403
get_statement       401 401 200 200 200 200 200 404 403 403
list_entries        401 401 200 200 200 200 200 404 403 403
get_entry           401 401 200 200 200 200 200 404 403 403
create_top_up       401 401 403 201 201 403 403 403 403 403
get_top_up          401 401 200 200 200 200 200 404 403 403
refund_top_up       401 401 403 201 201 403 403 403 403 403
charge_back_top_up  401 401 403 201 201 403 403 403 403 403
create_charge       401 401 403 201 201 201 201 404 403 403
get_charge          401 401 200 200 200 200 200 404 403 403
refund_charge       401 401 403 201 201 201 201 404 403 403
create_own_charge   401 401 403 403 403 403 201 201 201 201
get_budget          401 401 403 403 403 403 200 200 200 200
check_budget        401 401 403 403 403 403 200 200 200 200
create_tenant       401 401 403 403 201 403 403 403 403 403
list_tenants        401 401 200 200 200 403 403 403 403 403
get_tenant          401 401 200 200 200 403 403 403 403 403
update_tenant       401 401 403 403 200 403 403 403 403 403
create_user         401 401 403 403 201 403 403 403 403 403
list_users          401 401 200 200 200 403 403 403 403 403
get_user            401 401 200 200 200 403 403 403 403 403
update_user         401 401 403 403 200 403 403 403 403 403
create_key          401 401 403 403 201 403 403 403 403 403
list_keys           401 401 200 200 200 403 403 403 403 403
get_key             401 401 200 200 200 403 403 403 403 403
update_key          401 401 403 403 200 403 403 403 403 403
revoke_key          401 401 403 403 204 403 403 403 403 403
rotate_key          401 401 403 403 200 403 403 403 403 403
create_operator     401 401 403 403 201 403 403 403 403 403
list_operators      401 401 403 403 200 403 403 403 403 403
revoke_operator     401 401 403 403 204 403 403 403 403 403
rotate_operator     401 401 403 403 200 403 403 403 403 403
create_gateway      401 401 403 403 201 403 403 403 403 403
list_gateways       401 401 403 403 200 403 403 403 403 403
revoke_gateway      401 401 403 403 204 403 403 403 403 403
rotate_gateway      401 401 403 403 200 403 403 403 403 403
get_overview        401 401 200 200 200 403 403 403 403 403
check_health        200 200 200 200 200 200 200 200 200 200
check_readiness     200 200 200 200 200 200 200 200 200 200
show_metrics        200 200 200 200 200 200 200 200 200 200
";

async fn every_operation_answers_every_credential_as_the_table_says() {
    TestApp::run(async |app| {
        let table = table();
        let revoked = app.admin.post("/operators", json!({"name": "x", "role": "admin"})).await.expect(201);
        app.admin.delete(&format!("/operators/{}", revoked.id())).await.expect(204);
        let other = app.tenant("other").await;
        other.account("10").await;
        let common = Common {
            revoked: app.anonymous().bearer(revoked.text("key")),
            auditor: app.operator("auditor").await,
            cashier: app.operator("cashier").await,
            gateway: app.gateway().await,
            foreign: other.key().await.1,
        };
        let mut cells = Vec::new();
        for operation in Recorder::operations() {
            let Some(row) = table.get(operation.id.as_str()) else {
                panic!("{} is new: give it a row", operation.id);
            };
            cells.extend(
                CREDENTIALS.into_iter().zip(row).map(|(credential, status)| (operation, credential, *status)),
            );
        }
        assert_eq!(
            cells.len(),
            table.len() * CREDENTIALS.len(),
            "a row stands for an operation that is gone"
        );
        let check = async |(operation, credential, status): (_, &str, u16)| {
            // What is asked for may be used up by it, so each cell has its own.
            let example: Example<'_> = example(app, operation).await;
            let answer = example.by(&common.client(app, credential, &example).await).await;
            (answer.status != status)
                .then(|| format!("{} by {credential}: {status} expected: {answer:?}", operation.id))
        };
        let wrong: Vec<String> = stream::iter(cells)
            .map(check)
            .buffer_unordered(AT_ONCE)
            .filter_map(async |wrong| wrong)
            .collect()
            .await;
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    })
    .await;
}

/// The credentials that are the same for all operations.
struct Common {
    revoked: Client,
    auditor: Client,
    cashier: Client,
    gateway: Client,
    /// The text of somebody else's key.
    foreign: String,
}

impl Common {
    async fn client(&self, app: &TestApp, credential: &str, example: &Example<'_>) -> Client {
        match credential {
            "anonymous" => app.anonymous(),
            "revoked" => self.revoked.clone(),
            "auditor" => self.auditor.clone(),
            "cashier" => self.cashier.clone(),
            "admin" => app.admin.clone(),
            "gateway" => self.gateway.clone(),
            "gateway+key" => self.gateway.virtual_key(&example.owner.key().await.1),
            "gateway+foreign" => self.gateway.virtual_key(&self.foreign),
            "key" => example.owner.key().await.0,
            "foreign" => app.anonymous().virtual_key(&self.foreign),
            unknown => panic!("there is no credential {unknown}"),
        }
    }
}

fn table() -> BTreeMap<&'static str, Vec<u16>> {
    let row = |line: &'static str| {
        let mut words = line.split_whitespace();
        let name = words.next()?;
        Some((name, words.map(|status| status.parse().expect("a status")).collect()))
    };
    TABLE.lines().filter_map(row).collect()
}
