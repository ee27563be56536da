//! Rules for every file, whatever layer it is in.

use crate::tree::{File, below, catches, holds, lines_of_code, words};

const FILE_LINES_MAX: usize = 400;
/// An example is read in one sitting.
const EXAMPLE_LINES_MAX: usize = 59;

#[test]
fn rust_files_stay_short() {
    catches(long_files, &[("a/b.rs", &"\n".repeat(401))], "a/b.rs has 401 lines, 400 are allowed");
    holds(long_files);
}

fn long_files(files: &[File]) -> Vec<String> {
    too_long(below(files, "", ".rs"), FILE_LINES_MAX)
}

#[test]
fn examples_are_read_in_one_sitting() {
    catches(
        long_examples,
        &[("examples/a.rs", &"\n".repeat(60))],
        "examples/a.rs has 60 lines, 59 are allowed",
    );
    holds(long_examples);
}

fn long_examples(files: &[File]) -> Vec<String> {
    too_long(below(files, "examples/", ".rs"), EXAMPLE_LINES_MAX)
}

fn too_long<'a>(files: impl Iterator<Item = &'a File>, most: usize) -> Vec<String> {
    let sizes = files.map(|file| (&file.path, file.text.lines().count()));
    sizes
        .filter(|(_, lines)| *lines > most)
        .map(|(path, lines)| format!("{path} has {lines} lines, {most} are allowed"))
        .collect()
}

#[test]
fn what_is_left_to_do_names_its_issue() {
    let note = concat!("// TO", "DO: later\n// TO", "DO(#12): then");
    catches(unnumbered, &[("a.rs", note)], "a.rs:1: say which issue it waits for, as in (#12)");
    holds(unnumbered);
}

fn unnumbered(files: &[File]) -> Vec<String> {
    let markers = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];
    let is_open = |line: &str| {
        // Between quotes it is data, such as the code of no currency.
        let is_marked =
            |marker: &str| words(line).any(|word| word == marker) && !line.contains(&format!("\"{marker}\""));
        markers.iter().any(|marker| is_marked(marker) && !is_numbered(line, marker))
    };
    find_lines(files.iter(), is_open, "say which issue it waits for, as in (#12)")
}

fn is_numbered(line: &str, marker: &str) -> bool {
    let rest = line.split_once(marker).map_or("", |(_, rest)| rest);
    let number = rest.strip_prefix("(#").and_then(|rest| rest.split_once(')')).map(|(number, _)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[test]
fn no_test_is_ignored() {
    let ignored = concat!("#[test]\n#[ig", "nore]\nfn a() {}");
    catches(ignored_tests, &[("tests/a.rs", ignored)], "tests/a.rs:2: fix it, or take it out");
    holds(ignored_tests);
}

fn ignored_tests(files: &[File]) -> Vec<String> {
    let attribute = concat!("#[ig", "nore");
    find_lines(below(files, "", ".rs"), |line| line.contains(attribute), "fix it, or take it out")
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
    find_lines(files.iter(), is_local, "nobody else has this path")
}

fn find_lines<'a>(
    files: impl Iterator<Item = &'a File>,
    wrong: impl Fn(&str) -> bool,
    advice: &str,
) -> Vec<String> {
    let mut faults = Vec::new();
    for File { path, text } in files {
        let lines = (1..).zip(text.lines()).filter(|(_, line)| wrong(line));
        faults.extend(lines.map(|(number, _): (usize, _)| format!("{path}:{number}: {advice}")));
    }
    faults
}
