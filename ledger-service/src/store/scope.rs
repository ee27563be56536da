//! On whose behalf the store is asked.

use ledger_core::RealmId;
use uuid::Uuid;

use super::StoreError;

/// What of the store is there for whoever asks. The first argument of every function of the store.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scope {
    /// Everything. A row is still read in its own realm, which is looked up by its id; lists across realms only read.
    Platform,
    /// One realm; all else is absent.
    Realm(RealmId),
}

impl Scope {
    /// The realm of somebody new, who will be its owner: only the platform makes one.
    pub(super) fn new_realm(self, owner: Uuid) -> Result<RealmId, StoreError> {
        self.expect_platform().map(|()| RealmId(owner))
    }

    /// What belongs to no realm is there for the platform alone.
    pub(super) fn expect_platform(self) -> Result<(), StoreError> {
        match self {
            Self::Platform => Ok(()),
            Self::Realm(_) => Err(StoreError::NotFound),
        }
    }
}
