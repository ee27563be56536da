//! Beginning and ending, in order.

use std::{fs, os::unix::fs::MetadataExt, process::Stdio};

use crate::machine::{Machine, are_we_root, text_of};

#[tokio::test]
async fn a_fresh_start_can_be_charged_and_leaves_nothing_running() {
    let machine = Machine::new();
    let service = machine.serve().await;

    let charged = service.customer.charge("first", "0.10").await;
    assert_eq!(charged["balance_after"], "99.9");
    service.terminate();

    assert_eq!(machine.server(), None, "the server was stopped");
    let again = machine.serve().await;
    assert_eq!(again.customer.balance().await, "99.9", "the demo tenant's money came once");
    again.terminate();
}

#[tokio::test]
async fn an_ordinary_user_needs_nobody_else() {
    if !are_we_root() {
        println!("not repeated as an ordinary user: all tests here run as one");
        return;
    }
    let machine = Machine::of_nobody();
    let service = machine.serve().await;

    service.customer.charge("first", "0.10").await;
    service.terminate();

    assert!(machine.run_well(&["audit"]).len() > 1);
    assert_eq!(machine.server(), None);
}

#[test]
fn only_the_owner_reads_what_is_kept() {
    let machine = Machine::new();
    machine.run_well(&["migrate"]);

    let mode = |name: &str| fs::metadata(machine.data_dir().join(name)).unwrap().mode() & 0o777;
    assert_eq!((mode("postgres"), mode(".") & 0o007), (0o700, 0), "closed to all others");
    let owner = fs::metadata(machine.data_dir().join("postgres")).unwrap().uid();
    assert!(owner != 0, "PostgreSQL does not run as root");
}

#[tokio::test]
async fn a_second_service_on_the_same_data_is_told_so() {
    let machine = Machine::new();
    let service = machine.serve().await;

    let second = machine.run(&["serve"]);

    assert!(!second.status.success());
    assert!(
        text_of(&second).contains("another `ledger serve` runs on the data directory"),
        "{}",
        text_of(&second)
    );
    service.customer.charge("after", "0.10").await;
    service.terminate();
}

#[tokio::test]
async fn other_commands_attach_to_the_running_server_and_leave_it_running() {
    let machine = Machine::new();
    let service = machine.serve().await;
    let server = machine.server();

    machine.run_well(&["migrate"]);
    machine.run_well(&["audit"]);

    assert_eq!(machine.server(), server, "it is the same server");
    service.customer.charge("after", "0.10").await;
    service.terminate();
    assert_eq!(machine.server(), None);
}

#[test]
fn commands_that_start_at_once_on_an_empty_machine_share_one_server() {
    let machine = Machine::new();
    let start = |_| machine.ledger(&["migrate"]).stderr(Stdio::piped()).spawn().unwrap();
    let commands: Vec<_> = (0..4).map(start).collect();

    for command in commands {
        let output = command.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text_of(&output));
    }

    assert_eq!(machine.server(), None, "the last to leave has stopped it");
}

#[tokio::test]
async fn a_data_directory_may_have_a_long_path() {
    let machine = Machine::with_data_in(&format!("{}/it's data", "long".repeat(40)));
    fs::create_dir_all(machine.data_dir().parent().unwrap()).unwrap();
    let service = machine.serve().await;

    service.customer.charge("first", "0.10").await;
    service.terminate();
}

#[test]
fn without_postgresql_the_message_names_the_remedies() {
    let machine = Machine::new();
    let output = machine
        .ledger(&["migrate"])
        .env("PATH", "/nowhere:/bin:/usr/bin")
        .env("LEDGER_POSTGRES_BIN", "/nowhere")
        .output();

    let output = output.unwrap();
    assert!(!output.status.success());
    for remedy in
        ["apt-get install postgresql", "brew install postgresql@", "DATABASE_URL", "LEDGER_POSTGRES_BIN"]
    {
        assert!(text_of(&output).contains(remedy), "{remedy}: {}", text_of(&output));
    }
}
