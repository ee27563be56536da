//! Every text file of the repository, and the two things that a test does with a rule.

use std::{fs, path::Path, sync::LazyLock};

/// A text file, by its path from the root of the repository.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Returns what is wrong, a line for each fault, each naming its place.
pub(crate) type Rule = fn(&[File]) -> Vec<String>;

static TREE: LazyLock<Vec<File>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the repository");
    let ignored = fs::read_to_string(root.join(".gitignore")).expect("the repository has a .gitignore");
    let mut skipped: Vec<String> = ignored.lines().map(|line| line.trim_matches('/').to_owned()).collect();
    skipped.push(".git".to_owned());
    let mut files = Vec::new();
    read_folder(root, "", &skipped, &mut files);
    files.sort_by(|one, two| one.path.cmp(&two.path));
    files
});

fn read_folder(root: &Path, folder: &str, skipped: &[String], files: &mut Vec<File>) {
    for entry in fs::read_dir(root.join(folder)).expect("the tree can be read") {
        let entry = entry.expect("the tree can be read");
        let path = format!("{folder}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().expect("the tree can be read");
        if skipped.contains(&path) {
            continue; // `.git` is a file where the checkout is one of several.
        }
        if kind.is_dir() {
            read_folder(root, &format!("{path}/"), skipped, files);
        } else if kind.is_file() {
            // What is not text is not read by people, and what a link leads to is read where it lies.
            files.extend(fs::read_to_string(root.join(&path)).ok().map(|text| File { path, text }));
        }
    }
}

/// Shows that the rule finds this fault in these files.
#[track_caller]
pub(crate) fn catches(rule: Rule, files: &[(&str, &str)], fault: &str) {
    let file = |(path, text): &(&str, &str)| File { path: (*path).to_owned(), text: (*text).to_owned() };
    let faults = rule(&files.iter().map(file).collect::<Vec<_>>());
    assert!(faults.iter().any(|found| found == fault), "the rule is blind: {fault:?} is not in {faults:#?}");
}

/// Holds the rule against the whole tree.
#[track_caller]
pub(crate) fn holds(rule: Rule) {
    assert!(TREE.len() > 50, "only {} files were found: this is not the tree", TREE.len());
    let faults = rule(&TREE);
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// Every file below a folder whose name ends so.
pub(crate) fn below<'a>(files: &'a [File], folder: &str, ending: &str) -> impl Iterator<Item = &'a File> {
    files.iter().filter(move |file| file.path.starts_with(folder) && file.path.ends_with(ending))
}

/// The file, or a fault: a rule about a file that has gone must be changed with it.
pub(crate) fn find<'a>(files: &'a [File], path: &str) -> Result<&'a File, Vec<String>> {
    files.iter().find(|file| file.path == path).ok_or_else(|| vec![format!("{path} is gone")])
}

/// The lines of Rust with their numbers from 1, without comments.
pub(crate) fn lines_of_code(file: &File) -> impl Iterator<Item = (usize, &str)> {
    file.text.lines().enumerate().map(|(idx, line)| {
        let comment = if line.trim_start().starts_with("//") { Some(0) } else { line.find(" // ") };
        (idx + 1, &line[..comment.unwrap_or(line.len())])
    })
}

/// The words of a text: runs of letters, digits and underscores.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|char: char| !char.is_alphanumeric() && char != '_').filter(|word| !word.is_empty())
}
