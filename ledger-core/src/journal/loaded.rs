//! What is known of an account: its stream to the end, its row, and by what one state of it is told from another.

use super::{columns::StoredRow, stream::Stream};
use crate::domain::{
    chain::Hash,
    ids::{AccountId, RealmId},
};

/// An account and the end of its stream: all that is needed to decide and to write its next event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Loaded {
    pub(crate) stream: Stream,
    /// How often a batch has refused it something.
    pub(crate) decisions: u64,
    /// The head that its balance row names.
    pub(crate) row_head: Option<Hash>,
    /// The version that its snapshot is of; 0 without one.
    pub(crate) snapshot_version: u64,
    /// It was read on from a snapshot, and no row has agreed with it yet.
    pub(crate) is_hinted: bool,
}

impl Loaded {
    /// An account that nobody has opened.
    pub(crate) fn absent(id: AccountId) -> Self {
        Self { stream: Stream::new(id), decisions: 0, row_head: None, snapshot_version: 0, is_hinted: false }
    }

    pub(crate) fn id(&self) -> AccountId {
        self.stream.id
    }

    pub(crate) fn version(&self) -> u64 {
        self.stream.account.version
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { account: self.id(), version: self.version(), decisions: self.decisions, head: self.row_head }
    }
}

/// By what a state is told from every other state of its account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) account: AccountId,
    version: u64,
    decisions: u64,
    head: Option<Hash>,
}

impl Mark {
    /// Whether there should be a row.
    pub(crate) fn is_open(&self) -> bool {
        self.version > 0
    }

    /// Whether this was seen, and the row knows nothing of it: entries that were committed are gone, or are others.
    pub(crate) fn is_gone_from(&self, row: &StoredRow) -> bool {
        let version = row.row.balance_version;
        let has_other_head = self.head.zip(row.head).is_some_and(|(seen, stored)| seen != stored);
        version < self.version || (version == self.version && has_other_head)
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Whether the row is still the one that this was read from, or written with.
    pub(crate) fn is_of(&self, row: Option<&RowFound>) -> bool {
        let row = match row {
            None => return self.version == 0,
            Some(RowFound { is_quarantined: true, .. } | RowFound { row: Err(_), .. }) => return false,
            Some(RowFound { row: Ok(row), .. }) => row,
        };
        (row.row.balance_version, row.decisions, row.head) == (self.version, self.decisions, self.head)
    }
}

/// A balance row, or why it cannot be read; and whether its account is in quarantine.
pub(crate) struct RowFound {
    pub(crate) row: Result<StoredRow, String>,
    pub(crate) realm: Option<RealmId>,
    pub(crate) is_quarantined: bool,
}
