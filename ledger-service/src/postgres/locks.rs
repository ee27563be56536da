//! Who is here: three files in the data directory, locked with `flock`, which the kernel undoes for whoever is killed.

use std::{
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep};

/// How long one process waits for another one's start, which may have a crash to recover from.
const START_PATIENCE: Duration = Duration::from_secs(180);
/// How often it looks.
const START_POLL: Duration = Duration::from_millis(20);

/// The locks of one data directory.
#[derive(Clone)]
pub(super) struct Locks {
    data_dir: PathBuf,
}

/// A lock, until it is dropped.
pub(super) struct Lock {
    _file: File,
}

impl Locks {
    pub(super) fn new(data_dir: &Path) -> Self {
        Self { data_dir: data_dir.into() }
    }

    /// Alone among all who start or stop the server.
    pub(super) async fn start(&self) -> Result<Lock> {
        let file = self.open("starting.lock")?;
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock { _file: file }),
                Err(TryLockError::Error(error)) => return Err(error).context("cannot lock starting.lock"),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(START_POLL).await,
                Err(TryLockError::WouldBlock) => bail!(
                    "another process has been starting or stopping PostgreSQL in {} for {} s",
                    self.data_dir.display(),
                    START_PATIENCE.as_secs()
                ),
            }
        }
    }

    /// One of those for whom the server has to run. To be taken by who alone may start it, as all that follow here.
    pub(super) fn attach(&self) -> Result<Lock> {
        let file = self.open("attached.lock")?;
        file.lock_shared().context("cannot lock attached.lock")?;
        Ok(Lock { _file: file })
    }

    pub(super) fn is_anyone_attached(&self) -> Result<bool> {
        match self.open("attached.lock")?.try_lock() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error).context("cannot lock attached.lock"),
        }
    }

    /// The only one to serve.
    pub(super) fn serve(&self) -> Result<Lock> {
        let file = self.open("serving.lock")?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) => bail!(
                "another `ledger serve` runs on the data directory {}: stop it first, or give this one a \
                 LEDGER_DATA_DIR of its own; to serve one database from several processes, set DATABASE_URL",
                self.data_dir.display()
            ),
            Err(TryLockError::Error(error)) => Err(error).context("cannot lock serving.lock"),
        }
    }

    fn open(&self, name: &str) -> Result<File> {
        let path = self.data_dir.join(name);
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))
    }
}
