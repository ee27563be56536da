//! kill -9 and restart, again and again, while customers charge.

use std::{
    env,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use futures::future::join_all;
use ledger_core::Money;
use tokio::time::{Duration, interval, timeout};

use crate::{client::Client, machine::Machine};

/// Kills in an ordinary run; `LEDGER_TEST_KILLS=20` is the long one.
const KILLS: usize = 5;
const CUSTOMERS: usize = 8;
/// Charges that must have been answered between two kills.
const CHARGES_BETWEEN: usize = 200;
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_restarted_under_load_it_is_ready_in_time_and_its_books_are_right() {
    let kills = env::var("LEDGER_TEST_KILLS").map_or(KILLS, |kills| kills.parse().expect("a number"));
    let machine = Machine::new();
    let mut service = machine.serve().await;
    let (n_charged, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let customers: Vec<Client> = (0..CUSTOMERS).map(|_| service.customer.clone()).collect();
    let load =
        customers.iter().enumerate().map(|(customer, client)| charge(client, customer, &n_charged, &is_over));

    let killing = async {
        for kill in 0..kills {
            wait_until_charged(&n_charged, CHARGES_BETWEEN).await;
            if kill % 2 == 1 {
                machine.kill_server();
            }
            service.kill();
            service = machine.serve().await;
        }
        wait_until_charged(&n_charged, CHARGES_BETWEEN).await;
        is_over.store(true, Ordering::Relaxed);
        service
    };
    let (_, service) = tokio::join!(join_all(load), killing);

    let charged = n_charged.load(Ordering::Relaxed);
    println!("{charged} charges across {kills} kills");
    let spent: Money = format!("{}.{:04}", charged / 10_000, charged % 10_000).parse().unwrap();
    let left: Money = service.customer.balance().await.parse().unwrap();
    assert_eq!(
        spent.checked_add(left),
        "100".parse().ok(),
        "{charged} charges of 0.0001 leave {left} of 100"
    );
    service.terminate();
    machine.run_well(&["audit"]);
}

/// One charge after the other, each under a key of its own, each until it is answered.
async fn charge(client: &Client, customer: usize, n_charged: &AtomicUsize, is_over: &AtomicBool) {
    for number in 0.. {
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        client.charge(&format!("customer {customer} charge {number}"), "0.0001").await;
        n_charged.fetch_add(1, Ordering::Relaxed);
    }
}

async fn wait_until_charged(n_charged: &AtomicUsize, more: usize) {
    let goal = n_charged.load(Ordering::Relaxed) + more;
    let charged = async {
        let mut ticks = interval(Duration::from_millis(5));
        while n_charged.load(Ordering::Relaxed) < goal {
            ticks.tick().await;
        }
    };
    timeout(PATIENCE, charged).await.expect("customers are served");
}
