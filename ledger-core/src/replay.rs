//! Rebuilding balance rows from the journal, and mending those that differ.
//!
//! A row is a function of one account's stream, so the rebuilt table never has to stand as a whole: each account's row is
//! rebuilt in memory from a snapshot, beside the live one, and compared. The live table is never swapped, because commits
//! move its rows all the time; what differs is mended alone, under its lock, in one transaction, from the journal as it
//! stands then. So a replay that dies half way has mended some rows whole and left the others as they were.

use serde::Serialize;

use crate::{
    audit::{Difference, Selection, Step, Walk},
    auditor::{Auditor, AuditorError},
    domain::limits::Label,
};

/// What a replay does about a row that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replay {
    /// Only says so.
    Verify,
    /// Mends it in this person's or job's name.
    Mend(Label),
}

/// What a replay has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// Accounts rebuilt.
    pub accounts: u64,
    /// Entries that they were rebuilt from.
    pub entries: u64,
    /// Rows that differed.
    pub different: u64,
    /// Rows that were mended, here or by somebody else since the snapshot.
    pub mended: u64,
}

impl Replayed {
    /// Whether every row is now what the journal says.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.different == self.mended
    }
}

impl Auditor {
    /// Rebuilds every balance row from one snapshot of the journal and compares it with the row that stands, in constant
    /// memory. Each difference is given to `found`, after it was mended where that was asked for and is possible.
    ///
    /// # Errors
    /// [`AuditorError::Ledger`] when the database does not answer. What was mended until then stays mended.
    pub async fn replay(
        &self,
        replay: &Replay,
        mut found: impl FnMut(&Difference, bool),
    ) -> Result<Replayed, AuditorError> {
        let (mut tx, _) = self.snapshot().await?;
        let mut walk = Walk::start(&mut tx, &Selection::default(), &*self.watch).await?;
        let mut replayed = Replayed::default();
        while let Some(step) = walk.next().await? {
            let account = match step {
                Step::Entry(..) | Step::Break(..) => continue,
                Step::Account(account) => account,
            };
            replayed.accounts += 1;
            replayed.entries += account.entries;
            let Some(difference) = account.difference() else { continue };
            let mended = match replay {
                Replay::Mend(by) if difference.can_be_replayed() => {
                    match self.mend(account.id, by, Difference::can_be_replayed).await {
                        Ok(_) => true,
                        // Since the snapshot it has become what only a person may mend.
                        Err(AuditorError::Unsound(_)) => false,
                        Err(error) => return Err(error),
                    }
                }
                Replay::Mend(_) | Replay::Verify => false,
            };
            replayed.different += 1;
            replayed.mended += u64::from(mended);
            found(&difference, mended);
        }
        Ok(replayed)
    }
}
