//! What is killed comes back by itself, or with the next start.

use std::{fs, process};

use crate::machine::Machine;

#[tokio::test]
async fn a_server_that_outlived_its_service_is_adopted() {
    let machine = Machine::new();
    let service = machine.serve().await;
    service.customer.charge("before", "0.10").await;
    let server = machine.server();
    service.kill();

    let service = machine.serve().await;

    assert_eq!(machine.server(), server, "it is the same server");
    assert_eq!(service.customer.balance().await, "99.9");
    service.terminate();
    assert_eq!(machine.server(), None, "and it was stopped as its own would be");
}

#[tokio::test]
async fn after_a_kill_of_both_nothing_acknowledged_is_lost() {
    let machine = Machine::new();
    let service = machine.serve().await;
    service.customer.charge("before", "0.10").await;
    machine.kill_server();
    service.kill();

    let service = machine.serve().await;

    assert_eq!(service.customer.balance().await, "99.9");
    service.terminate();
    machine.run_well(&["audit"]);
}

#[tokio::test]
async fn a_server_killed_under_the_service_comes_back() {
    let machine = Machine::new();
    let service = machine.serve().await;
    service.customer.charge("before", "0.10").await;
    let killed = machine.server();

    machine.kill_server();
    service.customer.charge("after", "0.10").await;

    assert_ne!(machine.server(), killed, "another server has taken its place");
    assert_eq!(service.customer.balance().await, "99.8");
    service.terminate();
}

#[test]
fn a_stale_pid_file_is_not_believed() {
    let machine = Machine::new();
    machine.run_well(&["migrate"]);
    let pid_file = machine.data_dir().join("postgres/postmaster.pid");

    // Nobody; a process that is not the server, as after a restart of the machine; and what a power cut leaves.
    for stale in ["4194304\n".to_owned(), format!("{}\n", process::id()), String::new()] {
        fs::write(&pid_file, stale).unwrap();
        machine.run_well(&["migrate"]);
        assert_eq!(machine.server(), None);
    }
}

#[tokio::test]
async fn whoever_leaves_last_stops_what_a_killed_service_left_behind() {
    let machine = Machine::new();
    machine.serve().await.kill();
    assert!(machine.server().is_some(), "it outlived the service");

    machine.run_well(&["migrate"]);

    assert_eq!(machine.server(), None);
}
