//! Rules for what people read: it resolves, it is complete, and it names only what is there.

use std::collections::BTreeSet;

use crate::{
    page::Page,
    tree::{File, below, catches, find, holds, words},
};

#[test]
fn links_between_documents_resolve() {
    let target = ("docs/b.md", "# B\n## What's *new*, then?\n");
    let gone = ("docs/a.md", "see [b](c.md)");
    catches(dead_links, &[gone, target], "docs/a.md:1: there is no c.md");
    let moved = ("docs/a.md", "\n[`b`](../docs/b.md#whats-old)");
    catches(dead_links, &[moved, target], "docs/a.md:2: docs/b.md has no heading whats-old");
    let within = ("docs/a.md", "# A\n[b](#b)");
    catches(dead_links, &[within], "docs/a.md:2: docs/a.md has no heading b");
    let fine = (
        "docs/a.md",
        "[b](b.md#whats-new-then), [out](https://example.org/), `[no](link)`\n```\n[no](link)\n```",
    );
    assert!(dead_links(&[fine, target].map(file)).is_empty(), "what resolves is no fault");
    holds(dead_links);
}

fn file((path, text): (&str, &str)) -> File {
    File { path: path.to_owned(), text: text.to_owned() }
}

fn dead_links(files: &[File]) -> Vec<String> {
    let mut faults = Vec::new();
    for file in below(files, "", ".md") {
        let relative = Page::of(file).links.into_iter().filter(|(_, link)| !link.contains(':'));
        let dead = relative.filter_map(|(number, link)| Some((number, dead_link(files, &file.path, &link)?)));
        faults.extend(dead.map(|(number, why)| format!("{}:{number}: {why}", file.path)));
    }
    faults
}

fn dead_link(files: &[File], from: &str, link: &str) -> Option<String> {
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() { from.to_owned() } else { resolve(from, path) };
    let is_folder =
        files.iter().any(|file| file.path.starts_with(&format!("{}/", target.trim_end_matches('/'))));
    match find(files, &target) {
        Ok(file) if anchor.is_empty() || Page::of(file).anchors.iter().any(|found| found == anchor) => None,
        Ok(_) => Some(format!("{target} has no heading {anchor}")),
        Err(_) if is_folder && anchor.is_empty() => None,
        Err(_) => Some(format!("there is no {path}")),
    }
}

fn resolve(from: &str, path: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[test]
fn what_documents_name_is_there() {
    let near = ("ledger-core/src/lane/warm.rs", "const WARM_MAX: usize = 1;");
    let gone = ("ARCHITECTURE.md", "`lane/warm.rs` and `lane/cold.rs`");
    catches(unknown_names, &[gone, near], "ARCHITECTURE.md:1: there is no `lane/cold.rs`");
    let constant = ("README.md", "`WARM_MAX`, `COLD_MAX` and `LEDGER_URL`");
    catches(unknown_names, &[constant, near], "README.md:1: there is no `COLD_MAX`");
    let target = ("README.md", "\n`make fly`");
    catches(unknown_names, &[target, ("Makefile", "test: ## Tests")], "README.md:2: there is no `make fly`");
    holds(unknown_names);
}

/// Files, bounds and targets of make that stand between backticks.
fn unknown_names(files: &[File]) -> Vec<String> {
    let sources = files.iter().filter(|file| !file.path.ends_with(".md"));
    let known: BTreeSet<&str> = sources.flat_map(|file| words(&file.text)).collect();
    let is_there = |span: &str| {
        if let Some(target) = span.strip_prefix("make ") {
            let rule = format!("\n{}:", words(target).next().unwrap_or_default());
            return files
                .iter()
                .any(|file| file.path == "Makefile" && format!("\n{}", file.text).contains(&rule));
        }
        let is_bound = span.ends_with("_MAX") && words(span).eq([span]);
        let is_file = [".rs", ".sql", ".md", ".toml"].iter().any(|ending| span.ends_with(ending));
        let pattern = span.contains(|char: char| "*{} ".contains(char));
        let named = |file: &File| file.path == span || file.path.ends_with(&format!("/{span}"));
        (!is_bound || known.contains(span)) && (!is_file || pattern || files.iter().any(named))
    };
    let mut faults = Vec::new();
    // The changelog names what was there at its time.
    for file in below(files, "", ".md").filter(|file| file.path != "CHANGELOG.md") {
        let unknown = Page::of(file).codes.into_iter().filter(|(_, code)| !is_there(code));
        faults.extend(unknown.map(|(number, code)| format!("{}:{number}: there is no `{code}`", file.path)));
    }
    faults
}

const ERRORS: &str = "docs/errors.md";
/// Where an error becomes a name that programs match on, and the function that does it.
const CODES: [(&str, &str); 3] = [
    ("ledger-core/src/domain/account/rejection.rs", "fn code("),
    ("ledger-core/src/error.rs", "fn code("),
    ("ledger-service/src/error/code.rs", TABLE),
];
/// The service's codes stand in one table, a row of a macro each.
const TABLE: &str = "codes! {";
/// The service's codes have no words of Rust in the table: who sees them is not in Rust.
const SERVICE: &str = "ledger-service/";

#[test]
fn every_error_code_has_its_row() {
    let arms =
        "(&self) {\n        match self {\n            Self::A | Self::B(_) => \"ab\",\n        }\n    }\n";
    let (core, service) = (format!("    fn code{arms}"), "codes! {\n}\n");
    let with = |row| {
        [(CODES[0].0, core.as_str()), (CODES[1].0, core.as_str()), (CODES[2].0, service), (ERRORS, row)]
    };
    catches(undocumented, &with("| `ab` | `A` | never |"), "docs/errors.md has no row for `ab` (`B`)");
    let made_up = with("| `ab` | `A`, `B` |\n| `c` | `C` |");
    catches(undocumented, &made_up, "docs/errors.md:2: no error has the code `c`");
    holds(undocumented);
}

fn undocumented(files: &[File]) -> Vec<String> {
    let text = match find(files, ERRORS) {
        Ok(file) => &file.text,
        Err(gone) => return gone,
    };
    let rows = (1_usize..).zip(text.lines()).filter(|(_, line)| line.starts_with("| `"));
    let rows: Vec<(usize, Vec<&str>)> =
        rows.map(|(number, line)| (number, line.split('`').skip(1).step_by(2).collect())).collect();
    let (mut faults, mut known) = (Vec::new(), BTreeSet::new());
    for (path, function) in CODES {
        let arms = match find(files, path) {
            Ok(file) => arms(&file.text, function),
            Err(gone) => return gone,
        };
        for (variant, code) in arms {
            let names_it = |row: &[&str]| path.starts_with(SERVICE) || row.contains(&variant.as_str());
            if !rows.iter().any(|(_, row)| row[0] == code && names_it(row)) {
                faults.push(format!("{ERRORS} has no row for `{code}` (`{variant}`)"));
            }
            known.insert(code);
        }
    }
    let made_up = rows.iter().filter(|(_, row)| !known.contains(row[0]));
    faults.extend(
        made_up.map(|(number, row)| format!("{ERRORS}:{number}: no error has the code `{}`", row[0])),
    );
    faults
}

/// The variants of the arms of a function that end in a text, and that text.
fn arms(text: &str, function: &str) -> Vec<(String, String)> {
    let end = if function == TABLE { "\n}\n" } else { "\n    }\n" };
    let body = text.split(function).nth(1).and_then(|rest| rest.split(end).next()).unwrap_or_default();
    if function == TABLE {
        let row = |line| Some((words(line).next()?.to_owned(), str::split(line, '"').nth(1)?.to_owned()));
        return body.lines().filter_map(row).collect();
    }
    let mut arms = Vec::new();
    for arm in body.split(",\n") {
        let Some((variants, code)) = arm.split_once("=> \"") else { continue };
        let code = code.trim_end_matches('"');
        let names = variants.split("Self::").skip(1).filter_map(|rest| words(rest).next());
        arms.extend(names.map(|name| (name.to_owned(), code.to_owned())));
    }
    arms
}
