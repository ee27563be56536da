//! How the server goes about the append: in steps that grow with the batch, never with its square.

use ledger_core::append_statements;
use ledger_tests::Books;
use serde_json::Value;
use sqlx::{Executor, Row};

/// The planner takes an array for ten rows, so a loop over all pairs of two of them looks cheap. With 512 accounts it is not.
#[tokio::test]
async fn no_plan_of_the_append_loops_over_pairs() {
    Books::run(async |books| {
        books.account("10").await;
        let mut superuser = books.db.superuser().await;
        superuser.execute("set plan_cache_mode = force_generic_plan").await.unwrap();
        for n_accounts in [1, 50_000] {
            if n_accounts > 1 {
                superuser.execute(MORE_ACCOUNTS).await.unwrap();
                superuser.execute("analyze account_balances").await.unwrap();
            }
            for (idx, statement) in append_statements().iter().enumerate() {
                let parameters = (1..).take_while(|number| statement.contains(&format!("${number}"))).count();
                assert!(parameters > 30, "{parameters} parameters: this is not the append");
                let name = format!("append_{n_accounts}_{idx}");
                superuser.execute(format!("prepare {name} as {statement}").as_str()).await.unwrap();
                let nulls = vec!["null"; parameters].join(", ");
                let explain = format!("explain (format json) execute {name} ({nulls})");
                let plan: Value = superuser.fetch_one(explain.as_str()).await.unwrap().get(0);
                let mut loops = Vec::new();
                find_loops(&plan, &mut loops);
                assert!(loops.is_empty(), "{loops:#?}\nin {plan:#}");
            }
        }
        superuser.execute("delete from account_balances where updated_at = 'epoch'").await.unwrap();
    })
    .await;
}

/// Rows as of accounts that nobody has: what the planner knows of a table is how large it is.
const MORE_ACCOUNTS: &str = "
insert into account_balances (account_id, realm_id, owner_tenant_id, currency, balance, frozen_balance, outstanding_amount,
    free_credit, credit_limit, forced_debt, balance_version, decisions, updated_at)
select gen_random_uuid(), id, id, 'USD', 0, 0, 0, 0, 0, 0, 1, 0, 'epoch'
from (select gen_random_uuid() as id from generate_series(1, 50000)) ids";

/// Joins that go through all of one side for each row of the other.
fn find_loops<'a>(plan: &'a Value, found: &mut Vec<&'a Value>) {
    match plan {
        Value::Array(parts) => parts.iter().for_each(|part| find_loops(part, found)),
        Value::Object(node) => {
            if node.get("Node Type").is_some_and(|kind| kind == "Nested Loop") {
                let inner = node["Plans"].as_array().and_then(|plans| plans.last());
                let looks_up = inner.is_some_and(|inner| inner.to_string().contains("Index Cond"));
                if !looks_up {
                    found.push(plan);
                }
            }
            node.values().for_each(|part| find_loops(part, found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
