//! The service's pages name every route and every setting, and no other.

use std::collections::BTreeSet;

use crate::{
    page::Page,
    tree::{File, below, catches, find, holds},
};

const API: &str = "docs/api.md";
const OPERATING: &str = "docs/operating.md";

#[test]
fn the_api_page_names_every_route() {
    let route =
        ("ledger-service/src/routes/a.rs", "#[utoipa::path(\n    get, path = \"/a/{id}\", tag = \"a\",\n)]");
    let page = |text| [route, (API, text)];
    catches(misnamed_routes, &page("```text\nGET /a  /a/{id}/b\n```"), "docs/api.md does not name /a/{id}");
    catches(
        misnamed_routes,
        &page("```text\nPOST /a/{id}  {b}\nGET /b?c=\n```"),
        "docs/api.md names /b, which is no route",
    );
    holds(misnamed_routes);
}

fn misnamed_routes(files: &[File]) -> Vec<String> {
    let page = match find(files, API) {
        Ok(page) => Page::of(page)
            .blocks
            .into_iter()
            .filter(|(language, _)| language == "text")
            .map(|(_, text)| text)
            .collect::<String>(),
        Err(gone) => return gone,
    };
    let is_end = |char: char| char.is_whitespace() || "?;,".contains(char);
    let named: BTreeSet<&str> = page.split(is_end).filter(|token| token.starts_with('/')).collect();
    let served: BTreeSet<&str> = below(files, "ledger-service/src/", ".rs")
        .flat_map(|file| quoted_behind(&file.text, &["path = \"", ".route(\"", "SwaggerUi::new(\""]))
        .collect();
    let missing = served.difference(&named).map(|path| format!("{API} does not name {path}"));
    let made_up = named.difference(&served).map(|path| format!("{API} names {path}, which is no route"));
    missing.chain(made_up).collect()
}

#[test]
fn the_operators_page_names_every_setting() {
    let setting = ("ledger-service/src/config.rs", "#[arg(long, env = \"LEDGER_A\")]");
    let page = (OPERATING, "| `LEDGER_B` | x |");
    catches(misnamed_settings, &[setting, page], "docs/operating.md does not name LEDGER_A");
    catches(misnamed_settings, &[setting, page], "docs/operating.md names LEDGER_B, which nothing reads");
    holds(misnamed_settings);
}

fn misnamed_settings(files: &[File]) -> Vec<String> {
    let page = match find(files, OPERATING) {
        Ok(page) => &page.text,
        Err(gone) => return gone,
    };
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let named: BTreeSet<&str> = rows.filter(|name| name.starts_with("LEDGER_")).collect();
    let starts = ["env = \"", "env::var(\"", "env::var_os(\"", "const OPERATOR_KEY: &str = \""];
    let read: BTreeSet<&str> = below(files, "ledger-service/src/", ".rs")
        .flat_map(|file| quoted_behind(&file.text, &starts))
        .filter(|name| name.starts_with("LEDGER_"))
        .collect();
    let missing = read.difference(&named).map(|name| format!("{OPERATING} does not name {name}"));
    let made_up =
        named.difference(&read).map(|name| format!("{OPERATING} names {name}, which nothing reads"));
    missing.chain(made_up).collect()
}

/// The texts in quotes that stand behind any of these.
fn quoted_behind<'a>(text: &'a str, starts: &[&str]) -> Vec<&'a str> {
    let behind = |start: &&str| {
        text.split(*start).skip(1).filter_map(|rest| rest.split('"').next()).collect::<Vec<_>>()
    };
    starts.iter().flat_map(behind).collect()
}
