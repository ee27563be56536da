//! `LEDGER_DATA_DIR/credentials`: keys that this machine has made, for its owner only. A shell can read it as it is.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// The first operator's key, an admin.
pub(crate) const OPERATOR_KEY: &str = "LEDGER_OPERATOR_KEY";
/// The virtual key of the demo tenant's user.
pub(crate) const DEMO_KEY: &str = "LEDGER_DEMO_KEY";

/// The file, as a list of `NAME=value`.
pub(crate) struct Credentials {
    path: PathBuf,
    lines: Vec<(String, String)>,
}

impl Credentials {
    /// Those of a data directory; none when there is no file yet.
    pub(crate) fn read(data_dir: &Path) -> Result<Self> {
        let path = data_dir.join("credentials");
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            read => read.with_context(|| format!("cannot read {}", path.display()))?,
        };
        let lines = text.lines().filter_map(|line| line.split_once('='));
        Ok(Self { path, lines: lines.map(|(name, value)| (name.into(), value.into())).collect() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.lines.iter().find(|(named, _)| named == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Keeps a key. Whole or not at all: a key that is shown once must not be lost to a crash.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<()> {
        self.lines.retain(|(named, _)| named != name);
        self.lines.push((name.into(), value.into()));
        let text: String = self.lines.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        self.write(&text).with_context(|| format!("cannot write {}", self.path.display()))
    }

    fn write(&self, text: &str) -> Result<()> {
        let new = self.path.with_extension("new");
        // Made anew, because a file that is there keeps its mode.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        Ok(fs::rename(&new, &self.path)?)
    }
}
