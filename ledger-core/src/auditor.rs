//! The auditor: proves the books, rebuilds and mends balance rows, and exports the journal to other people's tools.
//!
//! Reads run as `ledger_auditor`, which can write nothing. What a person or a job has decided is written as
//! `ledger_repairer`: a repair and a release under the lock of their one account, and the record of an audit.

use std::{fmt, io, sync::Arc};

use sqlx::{PgPool, Postgres, Transaction, postgres::PgConnectOptions};

use crate::{
    audit::difference::Difference,
    domain::entry::Timestamp,
    error::LedgerError,
    journal::{stream::BrokenStream, tx::snapshot},
    pools::{self, Role},
};

/// Snapshots that one auditor holds at once; the next one waits its turn.
const SNAPSHOTS_MAX: u32 = 2;

/// Proves the books. Cheap to clone.
#[derive(Clone)]
pub struct Auditor {
    pub(crate) options: PgConnectOptions,
    pub(crate) reader: PgPool,
    pub(crate) repairer: PgPool,
    pub(crate) watch: Arc<Watch>,
}

pub(crate) type Watch = dyn Fn(Progress) + Send + Sync;

/// How far long work has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// From 0 to 1. Work goes by account id, and ids are hashes: the id alone says how far it has come.
    pub fraction: f64,
    /// Entries read.
    pub entries: u64,
}

/// Why work on the journal did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum AuditorError {
    /// The journal itself does not hold, so nothing can be computed from it.
    #[error("the journal does not hold: {0}")]
    Broken(#[from] BrokenStream),
    /// The account is not what its journal comes to.
    #[error("account {account} does not hold: {0}", account = .0.account())]
    Unsound(Difference),
    /// The audit shows no open finding of this name.
    #[error("there is no finding {0} that is not acknowledged")]
    NoFinding(String),
    /// No more findings can be acknowledged.
    #[error("there is no room for more acknowledgements")]
    TooMany,
    /// The database cannot sum the journal.
    #[error("the journal cannot be summed: {0}")]
    NoSums(String),
    /// Everything that any call can end in.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The export could not be written.
    #[error("the export could not be written")]
    Write(#[from] io::Error),
}

impl From<sqlx::Error> for AuditorError {
    fn from(error: sqlx::Error) -> Self {
        Self::Ledger(error.into())
    }
}

impl Auditor {
    /// Connects to a migrated database, logging in as an unprivileged role such as `ledger_service`.
    ///
    /// # Errors
    /// [`LedgerError::Unsafe`] for a login that could see through row security, or a server that could lose what it
    /// acknowledged; [`LedgerError::Unavailable`] when the database does not answer.
    pub async fn connect(url: &str) -> Result<Self, LedgerError> {
        let options = pools::parse(url)?;
        let reader = pools::pool(&options, Role::AllRealms, SNAPSHOTS_MAX);
        pools::check_safety(&reader).await?;
        let repairer = pools::pool(&options, Role::Repairer, 1);
        Ok(Self { options, reader, repairer, watch: Arc::new(|_| {}) })
    }

    /// The same auditor, telling how far its long work has come: every thousand entries or so.
    #[must_use]
    pub fn watched_by(self, watch: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self { watch: Arc::new(watch), ..self }
    }

    /// Closes the connections of this auditor and of its clones.
    pub async fn close(&self) {
        self.reader.close().await;
        self.repairer.close().await;
    }

    /// A view of everything at one moment, and that moment in database time. Nothing that happens later can be seen in it.
    pub(crate) async fn snapshot(&self) -> Result<(Transaction<'static, Postgres>, Timestamp), LedgerError> {
        snapshot(&self.reader).await
    }
}

impl fmt::Debug for Auditor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auditor").finish_non_exhaustive()
    }
}
