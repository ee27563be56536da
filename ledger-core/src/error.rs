//! One closed enum for everything that a call of the façade can end in, other than well.

use crate::domain::{
    account::{Inadmissible, Rejection},
    ids::EntryId,
    limits::LimitError,
};

/// Why a call did not succeed. Everything but `Unavailable` means that nothing happened.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The rules of the ledger refuse it. Most refusals are the key's outcome for 30 days.
    #[error("refused: {rejection}")]
    Rejected {
        /// Which rule.
        rejection: Rejection,
        /// Whether this is the stored outcome of an earlier call with the same key.
        replayed: bool,
    },
    /// No such account or entry, or not the caller's: the two cannot be told apart.
    #[error("not found")]
    NotFound,
    /// The key has stood for another request on this account.
    #[error("the idempotency key was used for another request, {}", told(*entry))]
    KeyReused {
        /// What that request did; `None` if it was refused.
        entry: Option<EntryId>,
    },
    /// A text breaks a bound.
    #[error(transparent)]
    Invalid(#[from] LimitError),
    /// Events that a stock framework has decided are not what the account decides. Nothing else hands events in.
    #[error(transparent)]
    Inadmissible(#[from] Inadmissible),
    /// The account has moved on from the version that the caller built on.
    #[error("the account has moved on from that version")]
    Stale,
    /// Too much is waiting. Nothing happened; try again.
    #[error("too much is waiting, try again")]
    Busy,
    /// The account's stream did not load whole, so the account alone is out of service until somebody releases it.
    #[error("the account is in quarantine")]
    Quarantined,
    /// The database could not be asked, or its answer was lost. The outcome is unknown: the same key will tell.
    #[error("the database did not answer; the same key will tell what happened")]
    Unavailable(#[source] Option<sqlx::Error>),
    /// The database or the role is not one that the ledger can be trusted on.
    #[error("refusing to start: {0}")]
    Unsafe(String),
}

fn told(entry: Option<EntryId>) -> String {
    entry.map_or("which was refused".to_owned(), |entry| format!("which made the entry {entry}"))
}

impl LedgerError {
    /// The stable name that programs match on.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Rejected { rejection, .. } => rejection.code(),
            Self::NotFound => "not_found",
            Self::KeyReused { .. } => "idempotency_key_reused",
            Self::Invalid(_) => "invalid",
            Self::Inadmissible(_) => "inadmissible",
            Self::Stale => "stale_version",
            Self::Busy | Self::Unavailable(_) => "try_again",
            Self::Quarantined => "account_quarantined",
            Self::Unsafe(_) => "unsafe",
        }
    }
}

impl From<sqlx::Error> for LedgerError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(Some(error))
    }
}
