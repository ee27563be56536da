//! `ledger export`.

use std::{
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};
use ledger_core::{Exported, Format};
use tempfile::NamedTempFile;

use super::{Session, selection::Selected};

#[derive(Args)]
pub(super) struct Options {
    /// Which tool or form to write for.
    #[arg(long, value_parser = PossibleValuesParser::new(Format::ALL.map(Format::name)).try_map(|name| name.parse::<Format>()))]
    format: Format,
    /// Write to this file, which is replaced at the end and only if all went well; to stdout if absent.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    selected: Selected,
}

pub(super) async fn run(session: &Session<'_>, options: Options) -> anyhow::Result<bool> {
    let Options { format, output, selected } = options;
    let selection = selected.selection()?;
    let (auditor, bar) = session.auditor().await?;
    let exported = match &output {
        Some(path) => {
            let unwritable = || format!("{} cannot be written", path.display());
            let file = NamedTempFile::new_in(folder(path)).with_context(unwritable)?;
            let mut out = BufWriter::new(file);
            let exported = auditor.export(format, &selection, &mut out).await?;
            let file = out.into_inner().map_err(|error| error.into_error()).with_context(unwritable)?;
            file.as_file().sync_all().with_context(unwritable)?;
            file.persist(path).with_context(unwritable)?;
            exported
        }
        None => {
            let mut out = BufWriter::new(std::io::stdout());
            let exported = auditor.export(format, &selection, &mut out).await?;
            out.flush()?;
            exported
        }
    };
    bar.clear();
    let Exported { accounts, entries } = exported;
    // Without a file the export itself is on stdout.
    match output {
        None => eprintln!("Accounts: {accounts}. Entries: {entries}."),
        Some(_) if session.json => Session::print_json(&exported)?,
        Some(path) => println!("Accounts: {accounts}. Entries: {entries}. Written to {}.", path.display()),
    }
    Ok(true)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
