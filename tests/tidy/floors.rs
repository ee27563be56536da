//! One ordered list of floors for both crates: an arrow from one file to another only goes down, and none in a circle.

use std::collections::{BTreeMap, BTreeSet};

use syn::{
    Attribute, ItemMod, ItemUse, Path, UseTree,
    visit::{self, Visit},
};

use crate::tree::{File, below, catches, holds};

/// From the top. Rooms of one floor do not know each other; a file is in the room that names it best, and `lib` looks into all.
type Floors = &'static [&'static [&'static str]];

const CORE: (&str, Floors) = (
    "ledger-core/src/",
    &[
        &["lib"],
        &["replay", "export"],
        &["audit"],
        &["auditor"],
        &["audit/difference"],
        &["cqrs", "probe", "read"],
        &["ledger"],
        &["lane", "caller"],
        &["locked"],
        &["chores"],
        &["clock", "round"],
        &["journal"],
        &["outcome"],
        &["journal/stream"],
        &["journal/decode", "pools"],
        &["error", "failpoint"],
        &["domain"],
    ],
);

const SERVICE: (&str, Floors) = (
    "ledger-service/src/",
    &[
        &["main", "lib"],
        &["commands"],
        &["app"],
        &["router", "server"],
        &["routes"],
        &["auth", "jobs", "telemetry"],
        &["extract"],
        &["state"],
        &["error", "wire"],
        &["store"],
        &["rules", "config"],
        &["secret", "shares", "postgres"],
    ],
);

/// What a room does without, of all that others have made.
const ABSENT: [(&str, &[&str]); 4] = [
    ("ledger-core/src/domain", &["sqlx", "tokio", "futures", "std::time"]),
    ("ledger-service/src/rules", &["axum", "http", "sqlx", "tokio", "std::time"]),
    ("ledger-service/src/routes", &["sqlx"]),
    ("ledger-service/src/store", &["axum", "http"]),
];

#[test]
fn arrows_only_go_down() {
    let at = |name: &str, text: &'static str| (format!("ledger-core/src/{name}.rs"), text);
    let files = [
        at("domain/money", "use crate::{error::LedgerError, lane::{self, Lane}};"),
        at("error", ""),
        at("lane", ""),
    ];
    let up = "ledger-core: domain/money uses lane, which is on a higher floor";
    catches(upward, &as_files(&files), up);
    let files = [at("lane", "fn f() { crate::caller::call() }"), at("caller", "")];
    catches(upward, &as_files(&files), "ledger-core: lane uses caller, which is on the same floor");
    let files =
        [at("round/a", "use super::b::B;"), at("round/b", "use crate::round::a::{A as C};"), at("round", "")];
    catches(upward, &as_files(&files), "ledger-core: round/a and round/b are in a circle");
    catches(upward, &as_files(&[at("attic", "")]), "ledger-core: attic is on no floor");
    holds(upward);
}

fn as_files<'a>(files: &'a [(String, &'static str)]) -> Vec<(&'a str, &'a str)> {
    files.iter().map(|(path, text)| (path.as_str(), *text)).collect()
}

fn upward(files: &[File]) -> Vec<String> {
    [CORE, SERVICE].into_iter().flat_map(|(folder, floors)| upward_in(files, folder, floors)).collect()
}

fn upward_in(files: &[File], folder: &str, floors: Floors) -> Vec<String> {
    let name = folder.trim_end_matches("/src/");
    let arrows = arrows(files, folder);
    let mut faults = Vec::new();
    for (from, targets) in &arrows {
        let Some((floor, room)) = place(floors, from) else {
            faults.push(format!("{name}: {from} is on no floor"));
            continue;
        };
        for to in targets {
            match place(floors, to) {
                Some((other, _)) if other < floor => {
                    faults.push(format!("{name}: {from} uses {to}, which is on a higher floor"));
                }
                Some((other, other_room)) if other == floor && other_room != room => {
                    faults.push(format!("{name}: {from} uses {to}, which is on the same floor"));
                }
                Some(_) | None => {}
            }
        }
    }
    faults.extend(
        circles(&arrows).iter().map(|files| format!("{name}: {} are in a circle", files.join(" and "))),
    );
    faults
}

/// The floor of a file, counted from the top, and its room there: the longest name that fits.
fn place(floors: Floors, file: &str) -> Option<(usize, &'static str)> {
    let rooms =
        floors.iter().enumerate().flat_map(|(floor, rooms)| rooms.iter().map(move |room| (floor, *room)));
    let fits = |room: &str| file == room || file.strip_prefix(room).is_some_and(|rest| rest.starts_with('/'));
    rooms.filter(|(_, room)| fits(room)).max_by_key(|(_, room)| room.len())
}

/// Each file of a crate with the files that it uses. A file may look up to those that it is a part of.
fn arrows(files: &[File], folder: &str) -> BTreeMap<String, BTreeSet<String>> {
    let name = |file: &File| file.path[folder.len()..].trim_end_matches(".rs").to_owned();
    let sources = || below(files, folder, ".rs").filter(|file| !file.path.ends_with("tests.rs"));
    let known: BTreeSet<String> = sources().map(&name).collect();
    let crate_name = folder.trim_end_matches("/src/").replace('-', "_");
    let mut arrows = BTreeMap::new();
    for file in sources() {
        let from = name(file);
        let module: Vec<&str> = from.split('/').filter(|part| !["lib", "main"].contains(part)).collect();
        let targets = paths(file).into_iter().filter_map(|path| find(&known, &crate_name, &module, &path));
        let is_own_part_of = |to: &String| from.starts_with(&format!("{to}/"));
        let targets = targets.filter(|to| *to != from && !is_own_part_of(to)).collect();
        arrows.insert(from, targets);
    }
    arrows
}

/// The file that a path leads to, seen from a module.
fn find(known: &BTreeSet<String>, crate_name: &str, module: &[&str], path: &[String]) -> Option<String> {
    let supers = path.iter().take_while(|part| *part == "super").count();
    let mut parts: Vec<&str> = match path.first()?.as_str() {
        "crate" => Vec::new(),
        name if name == crate_name => Vec::new(),
        "self" => module.to_vec(),
        "super" => module[..module.len().saturating_sub(supers)].to_vec(),
        _ => return None,
    };
    parts.extend(path.iter().skip(supers.max(1)).map(String::as_str));
    while !parts.is_empty() {
        let name = parts.join("/");
        if known.contains(&name) {
            return Some(name);
        }
        parts.pop();
    }
    None
}

/// Files that lead to each other.
fn circles(arrows: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<Vec<String>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        arrows.keys().map(|from| (from.as_str(), reach(arrows, from))).collect();
    let circle = |file: &&str| -> Vec<String> {
        let around =
            reached.iter().filter(|(other, back)| reached[file].contains(*other) && back.contains(file));
        around.map(|(other, _)| (*other).to_owned()).collect()
    };
    reached.keys().map(circle).filter(|files| !files.is_empty()).collect()
}

fn reach<'a>(arrows: &'a BTreeMap<String, BTreeSet<String>>, from: &'a str) -> BTreeSet<&'a str> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(file) = open.pop() {
        let next = arrows.get(file).into_iter().flatten().map(String::as_str);
        open.extend(next.filter(|to| seen.insert(*to)));
    }
    seen
}

#[test]
fn rooms_do_without_what_is_not_theirs() {
    let (route, store) = ("ledger-service/src/routes/a.rs", "ledger-service/src/store/a.rs");
    catches(foreign, &[(route, "fn f(pool: &sqlx::PgPool) {}")], &format!("{route} uses sqlx"));
    catches(foreign, &[(store, "use axum::{Json, http};")], &format!("{store} uses axum"));
    holds(foreign);
}

fn foreign(files: &[File]) -> Vec<String> {
    let mut faults = Vec::new();
    for (room, absent) in ABSENT {
        for file in below(files, room, ".rs") {
            let used: BTreeSet<String> = paths(file).iter().map(|path| path.join("::")).collect();
            let is_used = |name: &&&str| {
                used.iter().any(|path| path == **name || path.starts_with(&format!("{name}::")))
            };
            faults.extend(absent.iter().filter(is_used).map(|name| format!("{} uses {name}", file.path)));
        }
    }
    faults
}

/// Every path that a file names, but for those in its tests.
fn paths(file: &File) -> Vec<Vec<String>> {
    let mut paths = Paths::default();
    paths.visit_file(&syn::parse_file(&file.text).unwrap_or_else(|error| panic!("{}: {error}", file.path)));
    paths.0
}

#[derive(Default)]
struct Paths(Vec<Vec<String>>);

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let is_for_tests = |attribute: &Attribute| {
            attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Ident>().is_ok_and(|name| name == "test")
        };
        if !item.attrs.iter().any(is_for_tests) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.take(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast Path) {
        self.0.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }
}

impl Paths {
    fn take(&mut self, tree: &UseTree, before: &[String]) {
        let with = |name: String| [before, &[name]].concat();
        match tree {
            UseTree::Path(path) => self.take(&path.tree, &with(path.ident.to_string())),
            UseTree::Name(name) => self.0.push(with(name.ident.to_string())),
            UseTree::Rename(name) => self.0.push(with(name.ident.to_string())),
            UseTree::Glob(_) => self.0.push(before.to_vec()),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.take(tree, before)),
        }
    }
}
