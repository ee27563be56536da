//! A round's way into the journal, and what is found out when it does not get there.

use std::collections::{BTreeSet, HashMap};

use sqlx::PgConnection;

use super::{
    Job,
    batch::{Decided, Grounds},
};
use crate::{
    domain::{entry::Timestamp, ids::AccountId},
    failpoint::Failpoints,
    journal::{
        AppendError, Commit, Fence, KeyFound, KeyOf, Mark, append, fetch_outcomes, fetch_rows, unlocked_rows,
    },
};

/// What a round asks of the database.
pub(crate) struct Write {
    commit: Commit,
    /// The states that it was decided on.
    bases: Vec<Mark>,
    /// The keys that it stores outcomes of, to be asked about if a fence holds.
    keys: Vec<KeyOf>,
    /// The keys, and the accounts that it does not move, of requests that store nothing: the append proves neither.
    doubtful_keys: Vec<KeyOf>,
    doubtful_bases: Vec<Mark>,
}

/// What became of a write.
pub(crate) enum Written {
    /// It is stored. What was in doubt is resolved, unless the database failed in between.
    Done(Option<Timestamp>, sqlx::Result<Resolved>),
    /// A fence held and nothing happened.
    Fenced {
        /// The outcomes that keys of the round have already.
        found: HashMap<KeyOf, KeyFound>,
        /// The accounts on which it met somebody else; all of them if nobody can tell.
        contested: BTreeSet<AccountId>,
    },
    /// Nobody knows what happened.
    Unknown(Option<sqlx::Error>),
}

/// What was in doubt.
#[derive(Default)]
pub(crate) struct Resolved {
    /// The outcomes that keys have already.
    pub(crate) found: HashMap<KeyOf, KeyFound>,
    /// Accounts that are no longer as they were decided on.
    pub(crate) stale: BTreeSet<AccountId>,
}

impl Write {
    pub(super) fn new(commit: Commit, bases: Vec<Mark>, jobs: &[(Job, Decided)]) -> Self {
        let on = |grounds| {
            jobs.iter().filter(move |(_, decided)| decided.grounds == grounds).map(|(job, _)| &job.request)
        };
        let keys = on(Grounds::Stored).filter_map(|request| request.keyed()).collect();
        let in_doubt = || on(Grounds::Memory);
        let doubtful_keys = in_doubt().filter_map(|request| request.keyed()).collect();
        let moved: BTreeSet<AccountId> = commit.moves.iter().map(|each| each.account).collect();
        let accounts: BTreeSet<AccountId> =
            in_doubt().map(|request| request.account).filter(|account| !moved.contains(account)).collect();
        let doubtful_bases = bases.iter().filter(|base| accounts.contains(&base.account)).copied().collect();
        Self { commit, bases, keys, doubtful_keys, doubtful_bases }
    }

    /// Whether the database need not be asked at all.
    pub(crate) fn is_idle(&self) -> bool {
        self.commit.moves.is_empty() && self.doubtful_keys.is_empty() && self.doubtful_bases.is_empty()
    }

    /// Writes it, over a connection that nobody else uses, outside any transaction.
    pub(crate) async fn run(&self, connection: &mut PgConnection, failpoints: &Failpoints) -> Written {
        let mut now = None;
        if !self.commit.moves.is_empty() {
            let appended = match failpoints.reach("before_append").await {
                Ok(()) => append(connection, &self.commit).await,
                Err(lost) => Err(AppendError::Unknown(lost)),
            };
            if let Err(lost) = failpoints.reach("after_append").await {
                return Written::Unknown(Some(lost));
            }
            match appended {
                Ok(at) => now = Some(at),
                Err(AppendError::Fenced(fence)) => {
                    return self
                        .explain(connection, fence)
                        .await
                        .unwrap_or_else(|error| Written::Unknown(Some(error)));
                }
                Err(AppendError::Unknown(error)) => return Written::Unknown(Some(error)),
            }
        }
        Written::Done(now, self.resolve(connection).await)
    }

    /// Looks whether those requests of which nothing is stored were decided on the latest state, and whether their keys are free.
    async fn resolve(&self, connection: &mut PgConnection) -> sqlx::Result<Resolved> {
        let stale = stale(connection, &self.doubtful_bases).await?;
        let found = fetch_outcomes(connection, &self.doubtful_keys, self.commit.forgotten_before).await?;
        Ok(Resolved { found: found.into_iter().collect(), stale })
    }

    /// Finds out at whom a fence held: the fewer are decided again, the better for the others.
    async fn explain(&self, connection: &mut PgConnection, fence: Fence) -> sqlx::Result<Written> {
        let found = fetch_outcomes(connection, &self.keys, self.commit.forgotten_before).await?;
        let mut contested = stale(connection, &self.bases).await?;
        if fence == Fence::Locked {
            let accounts: Vec<AccountId> =
                self.bases.iter().filter(|base| base.is_open()).map(|base| base.account).collect();
            let free = unlocked_rows(connection, &accounts).await?;
            contested.extend(accounts.into_iter().filter(|account| !free.contains(account)));
        }
        if found.is_empty() && contested.is_empty() {
            contested = self.bases.iter().map(|base| base.account).collect();
        }
        Ok(Written::Fenced { found: found.into_iter().collect(), contested })
    }
}

/// The accounts whose rows are not, or no longer, what was decided on.
async fn stale(connection: &mut PgConnection, bases: &[Mark]) -> sqlx::Result<BTreeSet<AccountId>> {
    if bases.is_empty() {
        return Ok(BTreeSet::new());
    }
    let accounts: Vec<AccountId> = bases.iter().map(|base| base.account).collect();
    let rows = fetch_rows(connection, &accounts).await?;
    let stale = bases.iter().filter(|base| !base.is_of(rows.get(&base.account)));
    Ok(stale.map(|base| base.account).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::oneshot;
    use uuid::Uuid;

    use super::*;
    use crate::{
        error::LedgerError,
        round::request::{Intent, Key, Request},
    };

    /// If a key that was known before explained a fence, a decision that came too late beside it would be blamed on nobody.
    #[test]
    fn a_fence_is_explained_by_the_keys_that_are_stored_and_by_no_replay() {
        let account = AccountId(Uuid::nil());
        let job = |(byte, grounds): (u8, Grounds)| {
            let key = Key { hash: [byte; 16], request_hash: [byte; 16] };
            let request = Request {
                account,
                realm: None,
                intent: Intent::Store { base_version: 0, events: Vec::new() },
                key: Some(key),
                metadata: "{}".into(),
                note: None,
                if_version: None,
                dry_run: false,
            };
            let job =
                Job { request: Arc::new(request), answer: oneshot::channel().0, attempts: 0, setbacks: 0 };
            (job, Decided { answer: Err(LedgerError::Stale), grounds })
        };
        let jobs = [(1, Grounds::Known), (2, Grounds::Stored), (3, Grounds::Memory)].map(job);
        let write = Write::new(Commit::default(), Vec::new(), &jobs);
        assert_eq!(write.keys, [(account, [2; 16])]);
        assert_eq!(write.doubtful_keys, [(account, [3; 16])]);
    }
}
