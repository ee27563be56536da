//! Rules for the files that make the tables.

use crate::tree::{File, below, catches, holds};

#[test]
fn migrations_are_numbered_without_a_gap() {
    let files = [("migrations/0001_a.sql", ""), ("migrations/0003_b.sql", "")];
    catches(misnumbered, &files, "migrations/0003_b.sql should be number 0002");
    let files = [("migrations/0001_a.sql", ""), ("migrations/0001_b.sql", "")];
    catches(misnumbered, &files, "migrations/0001_b.sql should be number 0002");
    holds(misnumbered);
}

fn misnumbered(files: &[File]) -> Vec<String> {
    let expected = (1..).map(|number| format!("{number:04}"));
    let wrong = below(files, "migrations/", "").zip(expected).filter(|(file, number)| {
        !file.path.starts_with(&format!("migrations/{number}_")) || !file.path.ends_with(".sql")
    });
    wrong.map(|(file, number)| format!("{} should be number {number}", file.path)).collect()
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
        let statements = sql.split(';').filter(|statement| !statement.trim().is_empty()).count();
        if alone && statements > 1 {
            faults.push(format!(
                "{} has {statements} statements: an index or an added constraint stands alone, or a cluster refuses it",
                file.path
            ));
        }
    }
    faults
}
