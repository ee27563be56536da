//! `ledger demo`: a usage file through HTTP, whatever is interrupted.

use std::collections::HashSet;

use ledger_tests::{Usage, money};
use rust_decimal::RoundingStrategy;
use serde_json::Value;
use tokio::time::{Duration, interval, timeout};

use crate::{client::Client, machine::Machine};

/// Beside one for each request: the account opened, the demo's own top-up, and the deposit that pays for the file.
const OTHER_ENTRIES: usize = 3;
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_usage_file_is_billed_once_though_client_and_service_are_killed() {
    let machine = Machine::new();
    let Usage { usage, prices, lines } = Usage::find();
    let (usage, prices) = (usage.canonicalize().unwrap(), prices.canonicalize().unwrap());
    let demo = ["demo", "--usage", usage.to_str().unwrap(), "--prices", prices.to_str().unwrap()];
    let mut service = machine.serve().await;

    for _ in 0..2 {
        let client = machine.start(&demo);
        wait_for_charges(&service.customer).await;
        service.kill();
        service = machine.serve().await;
        wait_for_charges(&service.customer).await;
        client.kill();
    }

    let said = machine.run_well(&demo);
    let sum = money(&Usage::sum_by_another_tool(&usage, &prices));
    assert!(said.contains(&format!("{lines} requests billed, {sum} USD in all")), "{said}");
    assert!(!said.contains("; 0 of them"), "a part was billed before: {said}");
    let paid = sum.decimal().round_dp_with_strategy(2, RoundingStrategy::ToPositiveInfinity);
    let left = money("100").decimal() + paid - sum.decimal();
    let left = format!(" {} USD after it", left.normalize());
    assert!(
        said.contains(&left),
        "what was deposited is used up but for a part of a cent, and no more: {said}"
    );
    service.terminate();
    let verdict: Value = serde_json::from_slice(&machine.run(&["audit", "--json"]).stdout).unwrap();
    assert_eq!(verdict["entries"], lines + OTHER_ENTRIES, "one entry a line: {verdict}");
}

/// Until the balance has moved a few times.
async fn wait_for_charges(customer: &Client) {
    let mut seen = HashSet::new();
    let moving = async {
        let mut ticks = interval(Duration::from_millis(2));
        while seen.len() < 5 {
            ticks.tick().await;
            seen.insert(customer.balance().await);
        }
    };
    timeout(PATIENCE, moving).await.expect("charges are made");
}
