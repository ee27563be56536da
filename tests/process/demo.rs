//! `ledger demo`: a usage file through HTTP, whatever is interrupted.

use std::{collections::HashSet, fmt::Write, fs};

use tokio::time::{Duration, interval, timeout};

use crate::{client::Client, machine::Machine};

const LINES: u64 = 6_000;
/// 1,000 tokens in and 100 out, 6,000 times, at the demo's own prices: 0.0000025 and 0.00001 USD.
const SUM: &str = "21 USD in all";
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_usage_file_is_billed_once_though_client_and_service_are_killed() {
    let machine = Machine::new();
    let usage = machine.data_dir().with_file_name("usage.csv");
    let mut lines = String::from("at,input_tokens,output_tokens\n");
    for number in 0..LINES {
        writeln!(lines, "{number},1000,100").unwrap();
    }
    fs::write(&usage, lines).unwrap();
    let demo = ["demo", "--usage", usage.to_str().unwrap()];
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
    assert!(said.contains(SUM), "{said}");
    assert!(!said.contains("; 0 of them"), "a part was billed before: {said}");
    assert!(said.contains(" 100 USD after it"), "what was deposited is used up, and no more: {said}");
    service.terminate();
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
