//! What each layer does without. ARCHITECTURE.md states these absences; here they are held.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree::{File, below, catches, find, holds, lines_of_code, words};

/// The folder of ledger-core that only computes.
const DOMAIN: &str = "ledger-core/src/domain/";
const IMPURE: [&str; 8] =
    ["async", "await", "sqlx", "tokio", "std::time", "Instant", "SystemTime", "Utc::now"];

#[test]
fn the_domain_only_computes() {
    let at = "ledger-core/src/domain/money.rs";
    for impure in ["async fn f() {}", "use sqlx::PgPool;", "tokio::spawn(x)", "let at = Utc::now();"] {
        catches(impure_domain, &[(at, impure)], &format!("{at}:1: the domain has no `{}`", word_in(impure)));
    }
    holds(impure_domain);
}

fn word_in(line: &str) -> &str {
    IMPURE.into_iter().find(|impure| has(line, impure)).expect("the canary is impure")
}

fn impure_domain(files: &[File]) -> Vec<String> {
    let mut faults = Vec::new();
    for file in below(files, DOMAIN, ".rs") {
        for (number, line) in lines_of_code(file) {
            let found = IMPURE.into_iter().find(|impure| has(line, impure));
            faults
                .extend(found.map(|impure| format!("{}:{number}: the domain has no `{impure}`", file.path)));
        }
    }
    faults
}

/// Whether the line has these words, one behind the other.
fn has(line: &str, path: &str) -> bool {
    let (line, path): (Vec<_>, Vec<_>) = (words(line).collect(), words(path).collect());
    line.windows(path.len()).any(|part| part == path)
}

#[test]
fn the_domain_knows_nothing_above_it() {
    let at = "ledger-core/src/domain/entry.rs";
    let one = "use crate::lane::Lane;";
    catches(upward, &[(at, one)], &format!("{at}: the domain does not know `lane`"));
    let many = "use crate::{\n    domain::chart::{Leg, SubAccount},\n    journal::append,\n};";
    catches(upward, &[(at, many)], &format!("{at}: the domain does not know `journal`"));
    holds(upward);
}

fn upward(files: &[File]) -> Vec<String> {
    let mut faults = Vec::new();
    for file in below(files, DOMAIN, ".rs") {
        let code: String = lines_of_code(file).map(|(_, line)| format!("{line}\n")).collect();
        let used = code.split("crate::").skip(1).flat_map(modules);
        let foreign: BTreeSet<&str> = used.filter(|module| *module != "domain").collect();
        faults.extend(
            foreign.iter().map(|module| format!("{}: the domain does not know `{module}`", file.path)),
        );
    }
    faults
}

/// The modules named behind a `crate::`: one, or those of a list in braces.
fn modules(behind: &str) -> Vec<&str> {
    let Some(list) = behind.strip_prefix('{') else { return words(behind).take(1).collect() };
    let mut depth = 0;
    let mut starts_name = true;
    let mut found = Vec::new();
    for (idx, char) in list.char_indices() {
        match char {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => starts_name = true,
            _ if depth == 0 && starts_name && char.is_alphabetic() => {
                found.extend(words(&list[idx..]).next());
                starts_name = false;
            }
            _ => {}
        }
    }
    found
}

/// What would make the library a service, or tie it to one payment provider. By the start of the name.
const NOT_IN_CORE: [&str; 9] =
    ["async-stripe", "axum", "fred", "http", "hyper", "redis", "reqwest", "stripe", "ureq"];

#[test]
fn the_library_has_no_http_redis_or_stripe() {
    let package = |name: &str, needs: &str| {
        format!("[[package]]\nname = \"{name}\"\ndependencies = [\n \"{needs}\",\n]\n")
    };
    let lock =
        [package("ledger-core", "far 1.0.0"), package("far", "hyper-util"), package("service", "axum")]
            .join("\n");
    catches(heavy_core, &[("Cargo.lock", &lock)], "ledger-core needs hyper-util, through far");
    holds(heavy_core);
}

/// Everything that the library brings along, also through others: Cargo.lock knows.
fn heavy_core(files: &[File]) -> Vec<String> {
    let lock = match find(files, "Cargo.lock") {
        Ok(lock) => lock,
        Err(gone) => return gone,
    };
    let mut needs: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in lock.text.split("[[package]]") {
        let mut quoted = package.split("dependencies = [").map(|part| part.split('"').skip(1).step_by(2));
        let name = quoted.next().and_then(|mut texts| texts.next()).unwrap_or_default();
        let needed = quoted.next().into_iter().flatten().filter_map(|text| text.split(' ').next());
        needs.entry(name).or_default().extend(needed);
    }
    let mut faults = Vec::new();
    let (mut seen, mut open) = (BTreeSet::from(["ledger-core"]), vec!["ledger-core"]);
    while let Some(name) = open.pop() {
        for needed in needs.get(name).into_iter().flatten().copied() {
            let heavy =
                NOT_IN_CORE.iter().any(|start| needed == *start || needed.starts_with(&format!("{start}-")));
            if heavy {
                faults.push(format!("ledger-core needs {needed}, through {name}"));
            }
            if seen.insert(needed) {
                open.push(needed);
            }
        }
    }
    if seen.len() < 10 {
        vec!["Cargo.lock was not understood".to_owned()].into_iter().chain(faults).collect()
    } else {
        faults
    }
}

#[test]
fn routes_have_no_sql_and_stores_have_no_http() {
    let (route, store) = ("ledger-service/src/routes/charges.rs", "ledger-service/src/store/keys.rs");
    catches(mixed_service, &[(route, "use sqlx::PgPool;")], &format!("{route}:1: SQL belongs into store/"));
    catches(
        mixed_service,
        &[(route, "\"delete from keys\"")],
        &format!("{route}:1: SQL belongs into store/"),
    );
    catches(mixed_service, &[(store, "use axum::Json;")], &format!("{store}:1: HTTP belongs into routes/"));
    holds(mixed_service);
}

fn mixed_service(files: &[File]) -> Vec<String> {
    let is_sql = |line: &str| {
        let line = line.to_lowercase();
        let verbs = ["\"select ", "\"with ", "insert into ", "delete from ", "\"update "];
        has(&line, "sqlx") || verbs.iter().any(|verb| line.contains(verb))
    };
    let is_http = |line: &str| has(line, "axum") || has(line, "http");
    let mut faults = Vec::new();
    for file in below(files, "ledger-service/src/routes", ".rs") {
        let found = lines_of_code(file).filter(|(_, line)| is_sql(line));
        faults.extend(found.map(|(number, _)| format!("{}:{number}: SQL belongs into store/", file.path)));
    }
    for file in below(files, "ledger-service/src/store", ".rs") {
        let found = lines_of_code(file).filter(|(_, line)| is_http(line));
        faults.extend(found.map(|(number, _)| format!("{}:{number}: HTTP belongs into routes/", file.path)));
    }
    faults
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
