//! Rules for every file, whatever layer it is in.

use crate::tree::{File, below, catches, holds, lines_of_code, words};

const FILE_LINES_MAX: usize = 400;

#[test]
fn rust_files_stay_short() {
    catches(long_files, &[("a/b.rs", &"\n".repeat(401))], "a/b.rs has 401 lines, 400 are allowed");
    holds(long_files);
}

fn long_files(files: &[File]) -> Vec<String> {
    let sizes = below(files, "", ".rs").map(|file| (&file.path, file.text.lines().count()));
    let long = sizes.filter(|(_, lines)| *lines > FILE_LINES_MAX);
    long.map(|(path, lines)| format!("{path} has {lines} lines, {FILE_LINES_MAX} are allowed")).collect()
}

#[test]
fn no_test_sleeps() {
    let nap = concat!("// sl", "eep\ntokio::time::sl", "eep(second).await;");
    catches(sleepers, &[("tests/a.rs", nap)], "tests/a.rs:2: wait for what is to happen, not for a time");
    catches(
        sleepers,
        &[("x/src/a/tests.rs", nap)],
        "x/src/a/tests.rs:2: wait for what is to happen, not for a time",
    );
    holds(sleepers);
}

fn sleepers(files: &[File]) -> Vec<String> {
    let tests = below(files, "", ".rs")
        .filter(|file| file.path.starts_with("tests/") || file.path.ends_with("tests.rs"));
    let mut faults = Vec::new();
    for file in tests {
        let naps =
            lines_of_code(file).filter(|(_, line)| words(line).any(|word| word == concat!("sl", "eep")));
        faults.extend(naps.map(|(number, _)| {
            format!("{}:{number}: wait for what is to happen, not for a time", file.path)
        }));
    }
    faults
}

#[test]
fn no_file_names_a_place_on_one_machine() {
    let path = concat!("see /ho", "me/jane/ledger");
    catches(machine_paths, &[("a.md", path)], "a.md:1: nobody else has this path");
    holds(machine_paths);
}

/// Something below a folder that is another one on every machine. Homebrew's on Linux is the same on all.
fn machine_paths(files: &[File]) -> Vec<String> {
    let folders = ["root", "home", "work"].map(|name| format!("/{name}/"));
    let everybodys = concat!("/ho", "me/linuxbrew/");
    let is_local = |line: &str| {
        folders.iter().flat_map(|folder| line.match_indices(folder.as_str())).any(|(idx, _)| {
            let is_absolute =
                !line[..idx].ends_with(|char: char| char.is_alphanumeric() || "_-./}".contains(char));
            is_absolute && !line[idx..].starts_with(everybodys)
        })
    };
    let mut faults = Vec::new();
    for File { path, text } in files {
        let lines = (1..).zip(text.lines()).filter(|(_, line)| is_local(line));
        faults.extend(
            lines.map(|(number, _): (usize, _)| format!("{path}:{number}: nobody else has this path")),
        );
    }
    faults
}
