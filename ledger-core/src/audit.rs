//! The audit: everything that the ledger promises, asked of one snapshot of the database.

mod acknowledge;
mod ask;
mod checks;
mod cursor;
pub(crate) mod difference;
mod finding;
mod found;
mod given_back;
mod lock;
mod quarantine;
mod record;
mod repair;
mod second_replay;
mod selection;
mod trial_balance;
mod verdict;
mod walk;

use futures::{StreamExt, stream::FuturesUnordered};
use sqlx::PgConnection;

pub use self::{
    difference::{Column, Difference},
    finding::{Acknowledgement, Finding},
    repair::Repaired,
    selection::Selection,
    trial_balance::{TrialBalance, TrialLine},
    verdict::{Check, CheckName, Verdict},
};
use self::{found::Flaw, second_replay::Expected};
pub(crate) use self::{
    found::{Found, Step},
    trial_balance::trial_balances,
    walk::Walk,
};
use crate::{
    auditor::Auditor,
    domain::ids::AccountId,
    error::LedgerError,
    journal::stream::BrokenStream,
    pools::{self, Role},
};

/// Second replays that run at once, each on a connection of its own.
const SECOND_REPLAYS: usize = 4;

/// What an audit does about an account that does not hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Damage {
    Report,
    Quarantine,
}

impl Auditor {
    /// Audits the books, in constant memory and beside running work: what happens after its snapshot is not judged. It
    /// changes nothing, and lets no account out of quarantine.
    ///
    /// # Errors
    /// [`LedgerError`] when the database does not answer. What is wrong with the books is in the verdict, never an error.
    pub async fn audit(&self) -> Result<Verdict, LedgerError> {
        self.run(Damage::Report).await
    }

    /// Audits the books, and takes out of service every account whose stream does not hold or whose balance row is not what
    /// the stream comes to, unless that is acknowledged. It answers [`LedgerError::Quarantined`] from then on, in every
    /// process, until somebody [releases](Auditor::release) it.
    ///
    /// # Errors
    /// As [`Auditor::audit`]. What was taken out of service until then stays out.
    pub async fn audit_and_quarantine(&self) -> Result<Verdict, LedgerError> {
        self.run(Damage::Quarantine).await
    }

    async fn run(&self, damage: Damage) -> Result<Verdict, LedgerError> {
        let (mut tx, as_of) = self.snapshot().await?;
        let mut verdict = Verdict::new(as_of, finding::acknowledgements(&mut tx).await?);
        self.walk(&mut tx, &mut verdict, damage).await?;
        given_back::check(&mut tx, &mut verdict).await?;
        trial_balance::check(&mut tx, &mut verdict).await?;
        checks::check(&mut tx, &mut verdict).await?;
        tx.rollback().await?;
        Ok(verdict)
    }

    /// Goes through the accounts one by one, with the second replays running beside.
    async fn walk(
        &self,
        connection: &mut PgConnection,
        verdict: &mut Verdict,
        damage: Damage,
    ) -> Result<(), LedgerError> {
        let pool = pools::pool(&self.options, Role::AllRealms, SECOND_REPLAYS as u32);
        let (mut replays, mut n_replays, mut n_judged) = (FuturesUnordered::new(), 0, 0);
        let mut wrong = None;
        let mut walk = Walk::start(connection, &Selection::default(), &*self.watch).await?;
        while let Some(step) = walk.next().await? {
            let found = match step {
                Step::Entry(..) => {
                    n_judged += 1;
                    continue;
                }
                Step::Break(flaw, broken) => {
                    n_judged += 1;
                    wrong = wrong.or(verdict.judge_break(flaw, &broken));
                    continue;
                }
                Step::Account(found) => found,
            };
            verdict.accounts += 1;
            verdict.entries += found.entries;
            let wrong = wrong.take().or(verdict.judge_row(&found));
            if let (Some(reason), Damage::Quarantine) = (wrong, damage) {
                verdict.quarantined += u64::from(self.take_out(&found, &reason).await?);
            }
            if replays.len() == SECOND_REPLAYS {
                verdict.judge_replay(replays.next().await.flatten());
            }
            if let Some(expected) = Expected::of(&found) {
                n_replays += 1;
                replays.push(expected.replay(pool.clone()));
            }
        }
        while let Some(replay) = replays.next().await {
            verdict.judge_replay(replay);
        }
        pool.close().await;
        for name in [CheckName::StreamsDense, CheckName::ChainsWhole, CheckName::EventsFold] {
            verdict.count(name, n_judged);
        }
        verdict.count(CheckName::BalancesEqualFold, verdict.accounts);
        verdict.count(CheckName::SecondReplayAgrees, n_replays);
        Ok(())
    }
}

/// Each returns what is wrong, unless nothing is or it is acknowledged.
impl Verdict {
    fn judge_break(&mut self, flaw: Flaw, broken: &BrokenStream) -> Option<String> {
        let name = match flaw {
            Flaw::Gap => CheckName::StreamsDense,
            Flaw::Chain => CheckName::ChainsWhole,
            Flaw::Fold => CheckName::EventsFold,
        };
        let BrokenStream { account, sequence, reason } = broken;
        self.find(name, Some(*account), Some(*sequence), reason).then(|| broken.to_string())
    }

    fn judge_row(&mut self, found: &Found) -> Option<String> {
        let difference = found.row_difference()?;
        let sequence = match difference {
            Difference::Ahead { journal, .. } => journal + 1,
            Difference::Broken { .. }
            | Difference::Missing { .. }
            | Difference::Unreadable { .. }
            | Difference::Differs { .. } => found.version(),
        };
        let text = difference.to_string();
        self.find(CheckName::BalancesEqualFold, Some(found.id), Some(sequence), &text).then_some(text)
    }

    fn judge_replay(&mut self, fault: Option<(AccountId, u64, String)>) {
        if let Some((account, sequence, text)) = fault {
            self.find(CheckName::SecondReplayAgrees, Some(account), Some(sequence), text);
        }
    }
}
