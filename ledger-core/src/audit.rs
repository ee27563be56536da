//! The audit: everything that the ledger promises, asked of one snapshot of the database.

mod ask;
mod checks;
mod cursor;
mod difference;
mod lock;
mod record;
mod release;
mod repair;
mod second_replay;
mod trial_balance;
mod verdict;
mod walk;

use futures::{StreamExt, stream::FuturesUnordered};
use sqlx::PgConnection;

pub use self::{
    difference::{Column, Difference},
    repair::Repaired,
    trial_balance::{TrialBalance, TrialLine},
    verdict::{Check, CheckName, Finding, Verdict},
};
use self::{second_replay::Expected, walk::Flaw};
pub(crate) use self::{
    trial_balance::trial_balances,
    walk::{Found, Step, Walk},
};
use crate::{
    auditor::Auditor,
    error::LedgerError,
    journal::stream::BrokenStream,
    pools::{self, Role},
};

/// Second replays that run at once, each on a connection of its own.
const SECOND_REPLAYS: usize = 4;

impl Auditor {
    /// Audits the books, in constant memory and beside running work: what happens after its snapshot is not judged. It
    /// changes nothing, and lets no account out of quarantine.
    ///
    /// # Errors
    /// [`LedgerError`] when the database does not answer. What is wrong with the books is in the verdict, never an error.
    pub async fn audit(&self) -> Result<Verdict, LedgerError> {
        let (mut tx, as_of) = self.snapshot().await?;
        let mut verdict = Verdict::new(as_of);
        self.walk(&mut tx, &mut verdict).await?;
        trial_balance::check(&mut tx, &mut verdict).await?;
        checks::check(&mut tx, &mut verdict).await?;
        tx.rollback().await?;
        Ok(verdict)
    }

    /// Goes through the accounts one by one, with the second replays running beside.
    async fn walk(&self, connection: &mut PgConnection, verdict: &mut Verdict) -> Result<(), LedgerError> {
        let pool = pools::pool(&self.options, Role::Auditor, SECOND_REPLAYS as u32);
        let (mut replays, mut n_replays) = (FuturesUnordered::new(), 0);
        let mut walk = Walk::start(connection, &*self.watch).await?;
        while let Some(step) = walk.next().await? {
            let found = match step {
                Step::Entry(..) => continue,
                Step::Account(found) => found,
            };
            verdict.accounts += 1;
            verdict.entries += found.entries;
            verdict.judge(&found);
            if replays.len() == SECOND_REPLAYS {
                verdict.hear(replays.next().await.flatten());
            }
            if let Some(expected) = Expected::of(&found) {
                n_replays += 1;
                replays.push(expected.replay(pool.clone()));
            }
        }
        while let Some(finding) = replays.next().await {
            verdict.hear(finding);
        }
        pool.close().await;
        for name in [CheckName::StreamsDense, CheckName::ChainsWhole, CheckName::EventsFold] {
            verdict.count(name, verdict.entries);
        }
        verdict.count(CheckName::BalancesEqualFold, verdict.accounts);
        verdict.count(CheckName::SecondReplayAgrees, n_replays);
        Ok(())
    }
}

impl Verdict {
    /// Whether the account's stream holds, and its row is what the stream comes to.
    fn judge(&mut self, found: &Found) {
        if let Some((flaw, BrokenStream { sequence, reason, .. })) = &found.broken {
            let name = match flaw {
                Flaw::Gap => CheckName::StreamsDense,
                Flaw::Chain => CheckName::ChainsWhole,
                Flaw::Fold => CheckName::EventsFold,
            };
            return self.find(name, Finding::new(Some(found.id), Some(*sequence), reason));
        }
        if let Some(difference) = found.difference() {
            let sequence = match difference {
                Difference::Ahead { journal, .. } => journal + 1,
                Difference::Broken { .. }
                | Difference::Missing { .. }
                | Difference::Unreadable { .. }
                | Difference::Differs { .. } => found.version(),
            };
            let finding = Finding::new(Some(found.id), Some(sequence), difference.to_string());
            self.find(CheckName::BalancesEqualFold, finding);
        }
    }

    fn hear(&mut self, finding: Option<Finding>) {
        if let Some(finding) = finding {
            self.find(CheckName::SecondReplayAgrees, finding);
        }
    }
}
