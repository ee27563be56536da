//! Rules for the files that make the tables, and for the numbers of files.

use std::collections::BTreeMap;

use crate::tree::{File, below, catches, holds};

#[test]
fn migrations_and_decisions_have_a_number_each() {
    let files = [("migrations/0001_a.sql", ""), ("migrations/0001_b.sql", "")];
    catches(misnumbered, &files, "migrations/0001_b.sql has the number of migrations/0001_a.sql");
    catches(misnumbered, &[("migrations/1_a.sql", "")], "migrations/1_a.sql is not named NNNN_name.sql");
    let heading = ("docs/decisions/0001-a.md", "# 0002 A");
    catches(misnumbered, &[heading], "docs/decisions/0001-a.md is not headed by its number");
    holds(misnumbered);
}

fn misnumbered(files: &[File]) -> Vec<String> {
    let mut faults = numbered_twice(files, "migrations/", '_', ".sql");
    faults.extend(numbered_twice(files, "docs/decisions/", '-', ".md"));
    let headed = |file: &&File| {
        let number = file.path["docs/decisions/".len()..].split('-').next().unwrap_or_default();
        file.text.starts_with(&format!("# {number} "))
    };
    let decisions = below(files, "docs/decisions/", ".md").filter(|file| !headed(file));
    faults.extend(decisions.map(|file| format!("{} is not headed by its number", file.path)));
    faults
}

/// Numbers may be left out, by those who work side by side.
fn numbered_twice(files: &[File], folder: &str, separator: char, ending: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut holders = BTreeMap::new();
    for File { path, .. } in below(files, folder, "") {
        let name = path[folder.len()..].strip_suffix(ending);
        match name.and_then(|name| name.split_once(separator)) {
            Some((number, noun))
                if number.len() == 4 && number.parse::<u16>().is_ok() && !noun.is_empty() =>
            {
                if let Some(holder) = holders.insert(number, path) {
                    faults.push(format!("{path} has the number of {holder}"));
                }
            }
            _ => faults.push(format!("{path} is not named NNNN{separator}name{ending}")),
        }
    }
    faults
}

#[test]
fn indexes_and_added_constraints_stand_alone_in_their_file() {
    let at = "migrations/0009_a.sql";
    let fault = format!(
        "{at} has 2 statements: an index or an added constraint stands alone, or a cluster refuses it"
    );
    let index = "-- one; two\ncreate unique\n  index a on b (c);\ndrop table d;";
    catches(crowded, &[(at, index)], &fault);
    catches(crowded, &[(at, "alter table a ADD CONSTRAINT b check (true); select 1")], &fault);
    holds(crowded);
}

fn crowded(files: &[File]) -> Vec<String> {
    let mut faults = Vec::new();
    for file in below(files, "migrations/", ".sql") {
        let lines = file.text.lines().map(|line| line.split("--").next().unwrap_or_default());
        let sql = lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ").to_lowercase();
        let alone = ["create index", "create unique index", "add constraint"]
            .iter()
            .any(|sql_part| sql.contains(sql_part));
        // What stands between dollars is one statement, whatever is in it.
        let outside: String = sql.split("$$").step_by(2).collect();
        let statements = outside.split(';').filter(|statement| !statement.trim().is_empty()).count();
        if alone && statements > 1 {
            faults.push(format!(
                "{} has {statements} statements: an index or an added constraint stands alone, or a cluster refuses it",
                file.path
            ));
        }
    }
    faults
}
