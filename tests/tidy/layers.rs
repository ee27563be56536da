//! What the library does without, and who names the tables of the journal.

use std::{collections::BTreeSet, process::Command};

use crate::tree::{File, catches, find, holds, lines_of_code};

/// What would make the library a service, or tie it to one payment provider. By the start of the name.
const NOT_IN_CORE: [&str; 9] =
    ["async-stripe", "axum", "fred", "http", "hyper", "redis", "reqwest", "stripe", "ureq"];

#[test]
fn the_library_has_no_http_redis_or_stripe() {
    assert_eq!(heavy("far v1.0.0\nhyper-util v0.1.2 (*)\nhyperbole v1"), ["hyper-util"]);
    let tree = ["tree", "--offline", "--package", "ledger-core", "--edges", "normal", "--prefix", "none"];
    let output = Command::new(env!("CARGO")).args(tree).output().expect("cargo runs");
    let needed = String::from_utf8(output.stdout).expect("cargo writes text");
    assert!(needed.lines().count() > 10, "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(heavy(&needed), [""; 0], "ledger-core brings these along, also through others");
}

/// What is too heavy, of the packages that cargo lists.
fn heavy(tree: &str) -> Vec<&str> {
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    let is_heavy =
        |name: &&str| NOT_IN_CORE.iter().any(|start| name == start || name.starts_with(&format!("{start}-")));
    names.filter(is_heavy).collect()
}

const JOURNAL_TABLES: [&str; 8] = [
    "account_balances",
    "acknowledgements",
    "audits",
    "events",
    "quarantine",
    "refusals",
    "releases",
    "repairs",
];
/// The words of SQL that a table's name stands behind.
const BEFORE_TABLE: [&str; 6] = ["from", "insert into", "join", "table", "truncate", "update"];

/// Who names which of the journal's tables: a reader of this list knows every file that can move money or show it.
const OWNERS: [(&str, &[&str]); 24] = [
    ("ledger-core/src/audit/acknowledge.rs", &["account_balances", "acknowledgements"]),
    (
        "ledger-core/src/audit/checks.rs",
        &["account_balances", "acknowledgements", "events", "quarantine", "refusals", "releases", "repairs"],
    ),
    ("ledger-core/src/audit/finding.rs", &["acknowledgements"]),
    ("ledger-core/src/audit/given_back.rs", &["events"]),
    ("ledger-core/src/audit/lock.rs", &["account_balances"]),
    ("ledger-core/src/audit/quarantine.rs", &["quarantine", "releases"]),
    ("ledger-core/src/audit/record.rs", &["audits"]),
    ("ledger-core/src/audit/repair.rs", &["quarantine"]),
    ("ledger-core/src/audit/trial_balance.rs", &["account_balances"]),
    ("ledger-core/src/audit/walk.rs", &["account_balances", "events"]),
    ("ledger-core/src/cqrs/store.rs", &["events"]),
    ("ledger-core/src/journal/append.rs", &["account_balances", "events", "quarantine", "refusals"]),
    ("ledger-core/src/journal/facts.rs", &["events"]),
    ("ledger-core/src/journal/load.rs", &["account_balances", "events", "quarantine"]),
    ("ledger-core/src/journal/mend.rs", &["account_balances", "quarantine", "repairs"]),
    ("ledger-core/src/journal/outcomes.rs", &["events", "refusals"]),
    ("ledger-core/src/probe.rs", &["quarantine"]),
    ("ledger-core/src/read/accounts.rs", &["account_balances", "quarantine"]),
    ("ledger-core/src/read/balance.rs", &["account_balances", "quarantine"]),
    ("ledger-core/src/read/lines.rs", &["events"]),
    ("ledger-core/src/read/moment.rs", &["events"]),
    ("ledger-core/src/read/note.rs", &["events"]),
    ("ledger-core/src/read/place.rs", &["account_balances", "events"]),
    ("ledger-core/src/read/overview.rs", &["account_balances", "audits", "quarantine"]),
];

#[test]
fn only_their_owners_name_the_tables_of_the_journal() {
    let sql = "\"update account_balances set balance = 0\"";
    let fault = "names the table account_balances, which is not its own";
    catches(table_users, &[("ledger-service/src/a.rs", sql)], &format!("ledger-service/src/a.rs {fault}"));
    let split = "\"with a as (select 1) insert\n     into repairs values (1)\"";
    catches(
        table_users,
        &[("ledger-core/src/ids.rs", split)],
        "ledger-core/src/ids.rs names the table repairs, which is not its own",
    );
    let idle = ("ledger-core/src/read/note.rs", "fn f() {}");
    catches(
        table_users,
        &[idle],
        "ledger-core/src/read/note.rs does not name events any more: take it out of the list",
    );
    holds(table_users);
}

fn table_users(files: &[File]) -> Vec<String> {
    let mut faults = Vec::new();
    let sources = files.iter().filter(|file| file.path.ends_with(".rs") && !file.path.starts_with("tests/"));
    for file in sources.filter(|file| !file.path.ends_with("tests.rs")) {
        let own =
            OWNERS.iter().find(|(path, _)| *path == file.path).map_or(&[] as &[&str], |(_, tables)| *tables);
        let named = tables_named(file);
        let foreign = named.iter().filter(|table| !own.contains(table));
        faults.extend(
            foreign.map(|table| format!("{} names the table {table}, which is not its own", file.path)),
        );
        let idle = own.iter().filter(|table| !named.contains(*table));
        faults.extend(
            idle.map(|table| {
                format!("{} does not name {table} any more: take it out of the list", file.path)
            }),
        );
    }
    faults.extend(OWNERS.iter().filter_map(|(path, _)| find(files, path).err()).flatten());
    faults
}

fn tables_named(file: &File) -> BTreeSet<&'static str> {
    let code: String = lines_of_code(file).map(|(_, line)| format!("{line}\n")).collect();
    // A name counts behind a word of SQL and white space only, so that `.join(events)` is not taken for SQL.
    let sql = code.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    let is_word = |char: char| char.is_alphanumeric() || char == '_';
    let is_named = |table: &&str| {
        let phrases = BEFORE_TABLE.map(|before| format!("{before} {table}"));
        phrases.iter().flat_map(|phrase| sql.match_indices(phrase)).any(|(idx, phrase)| {
            !sql[..idx].ends_with(is_word) && !sql[idx + phrase.len()..].starts_with(is_word)
        })
    };
    JOURNAL_TABLES.into_iter().filter(is_named).collect()
}
