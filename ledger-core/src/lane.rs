//! A lane: the one writer, in this process, of a shard of accounts.
//!
//! It gathers the commands that wait, decides them in memory, appends them with one statement, and answers. One command is a
//! batch of one. Whatever the fences of the append refuse is decided again under row locks: there is no third way.

mod batch;
mod clock;
mod waiting;
mod warm;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use chrono::TimeDelta;
use sqlx::{Connection, PgConnection, PgPool};
use tokio::sync::{mpsc, oneshot};

use self::{
    batch::{Batch, Place, leaves_key_unused},
    waiting::Waiting,
    warm::{Standing, Warm},
};
pub(crate) use self::{
    batch::{Intent, Key, Request},
    clock::Clock,
};
use crate::{
    domain::ids::AccountId,
    error::LedgerError,
    failpoint::Failpoints,
    journal::{
        self, AppendError, Balance, REFUSAL_DAYS,
        stream::{BrokenStream, Stream},
    },
    outcome::Receipt,
};

/// Commands decided and appended at once.
const BATCH_COMMANDS_MAX: usize = 512;
/// Commands that may wait in front of one lane; the next one is told to try again.
pub(crate) const LANE_QUEUE_MAX: usize = 8_192;
/// How often a batch is decided under locks before it is given up. A second time is only needed when an account is opened twice.
const LOCKED_ATTEMPTS_MAX: usize = 3;
/// After a key was found taken, this many batches ask for their keys first, so that a flood of duplicates is not decided twice.
const KEYS_FIRST_BATCHES: usize = 16;

const _: () = assert!(BATCH_COMMANDS_MAX <= LANE_QUEUE_MAX);

pub(crate) type Answer = Result<Receipt, LedgerError>;

/// A request, and where its answer goes. Nobody may be listening any more: the work goes on all the same.
pub(crate) struct Job {
    pub(crate) request: Request,
    pub(crate) answer: oneshot::Sender<Answer>,
}

pub(crate) struct Lane {
    pool: PgPool,
    clock: Arc<Clock>,
    failpoints: Failpoints,
    warm: Warm,
    keys_first: usize,
}

/// Why a batch was not answered.
enum Setback {
    /// A fence held and nothing happened: decide again, under locks.
    Fenced,
    /// Nobody knows what happened.
    Unknown(sqlx::Error),
    /// An assertion of ours failed before anything was written.
    Bug,
}

impl From<sqlx::Error> for Setback {
    fn from(error: sqlx::Error) -> Self {
        Self::Unknown(error)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// On warm state, fenced by the append.
    Optimistic,
    /// On state read behind row locks.
    Locked,
}

impl Lane {
    pub(crate) fn new(pool: PgPool, clock: Arc<Clock>, failpoints: Failpoints) -> Self {
        Self { pool, clock, failpoints, warm: Warm::default(), keys_first: 0 }
    }

    /// Serves until every sender is gone and everything that waited is answered.
    pub(crate) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut waiting = Waiting::default();
        loop {
            if waiting.is_empty() {
                let Some(job) = jobs.recv().await else { return };
                waiting.push(job);
            }
            while waiting.len() < LANE_QUEUE_MAX
                && let Ok(job) = jobs.try_recv()
            {
                waiting.push(job);
            }
            self.serve(waiting.take(BATCH_COMMANDS_MAX)).await;
        }
    }

    async fn serve(&mut self, jobs: Vec<Job>) {
        let (mut locked, quiet): (Vec<_>, Vec<_>) =
            jobs.into_iter().partition(|job| self.warm.is_contended(job.request.account));
        locked.extend(self.attempt(quiet, Mode::Optimistic).await);
        for _ in 0..LOCKED_ATTEMPTS_MAX {
            locked = self.attempt(locked, Mode::Locked).await;
        }
        locked.into_iter().for_each(|job| reply(job, Err(LedgerError::Busy)));
    }

    /// Tries to commit the jobs as one batch and answers them; gives them back if a fence held.
    async fn attempt(&mut self, jobs: Vec<Job>, mode: Mode) -> Vec<Job> {
        if jobs.is_empty() {
            return jobs;
        }
        let error = match self.commit(&jobs, mode).await {
            Ok(answers) => {
                jobs.into_iter().zip(answers).for_each(|(job, answer)| reply(job, answer));
                return Vec::new();
            }
            Err(Setback::Fenced) => {
                self.keys_first = KEYS_FIRST_BATCHES;
                return jobs;
            }
            Err(Setback::Unknown(error)) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a batch has an unknown outcome");
                Some(error)
            }
            Err(Setback::Bug) => None,
        };
        // What is warm may be behind the journal now: drop it, and let the next command load and check it anew.
        jobs.iter().for_each(|job| self.warm.forget(job.request.account));
        let mut error = error;
        jobs.into_iter().for_each(|job| reply(job, Err(LedgerError::Unavailable(error.take()))));
        Vec::new()
    }

    async fn commit(&mut self, jobs: &[Job], mode: Mode) -> Result<Vec<Answer>, Setback> {
        let mut connection = self.pool.acquire().await?;
        let (batch, answers) = match mode {
            Mode::Optimistic => self.decide_and_append(&mut connection, jobs, mode).await?,
            Mode::Locked => {
                // Safe from a dropped `begin()`: this task is never cancelled.
                let mut tx = connection.begin().await?;
                let decided = self.decide_and_append(&mut tx, jobs, mode).await?;
                tx.commit().await?;
                decided
            }
        };
        for account in self.warm.absorb(batch) {
            let now = self.clock.read(&mut connection).await?;
            journal::forget_refusals(&mut connection, account, now).await?;
        }
        Ok(answers)
    }

    async fn decide_and_append(
        &mut self,
        connection: &mut PgConnection,
        jobs: &[Job],
        mode: Mode,
    ) -> Result<(Batch, Vec<Answer>), Setback> {
        let accounts: BTreeSet<AccountId> = jobs.iter().map(|job| job.request.account).collect();
        let mut places = self.load(connection, accounts, mode).await?;
        let at = self.clock.read(connection).await?;
        let forgotten_before = at - TimeDelta::days(REFUSAL_DAYS);

        let entries: Vec<_> = jobs.iter().filter_map(|job| job.request.refers_to()).collect();
        for (account, facts) in journal::fetch_facts(connection, &entries).await? {
            places.entry(account).and_modify(|place| place.learn(facts));
        }
        let mut keys: Vec<_> = jobs.iter().filter_map(|job| job.request.keyed()).collect();
        let mut outcomes = self.warm.outcomes(&keys, forgotten_before);
        keys.retain(|key| !outcomes.contains_key(key));
        let mut are_keys_known = keys.is_empty();
        if !are_keys_known && (mode == Mode::Locked || self.keys_first > 0) {
            outcomes.extend(journal::fetch_outcomes(connection, &keys, forgotten_before).await?);
            are_keys_known = true;
        }
        self.keys_first = self.keys_first.saturating_sub(1);

        let mut batch = Batch::new(at, places, outcomes);
        let decide = AssertUnwindSafe(|| jobs.iter().map(|job| batch.decide(&job.request)).collect());
        // An assertion that fails is our bug: this batch fails, nothing is written, and the lane goes on.
        let answers: Vec<Answer> = catch_unwind(decide).map_err(|_| Setback::Bug)?;
        // What is stored meets its key's outcome in the append. What stores nothing does not, so the key is asked for.
        let unsure = |(job, answer): (&Job, &Answer)| job.request.key.is_some() && leaves_key_unused(answer);
        if !are_keys_known && jobs.iter().zip(&answers).any(unsure) {
            return Err(Setback::Fenced);
        }

        let commit = batch.commit();
        if !commit.moves.is_empty() {
            self.failpoints.reach("before_append").await;
            match journal::append(connection, commit, forgotten_before).await {
                Ok(now) => self.clock.set(now),
                Err(AppendError::Fenced) => return Err(Setback::Fenced),
                Err(AppendError::Unknown(error)) => return Err(Setback::Unknown(error)),
            }
        }
        Ok((batch, answers))
    }

    /// The state of every account: from memory, or from the journal, proving the stream on the way.
    async fn load(
        &mut self,
        connection: &mut PgConnection,
        accounts: BTreeSet<AccountId>,
        mode: Mode,
    ) -> Result<BTreeMap<AccountId, Place>, Setback> {
        let (mut places, mut behind) = (BTreeMap::new(), BTreeMap::new());
        for account in accounts {
            match self.warm.standing(account) {
                Some(standing) if mode == Mode::Optimistic => {
                    drop(places.insert(account, Place::of(standing)))
                }
                Some(standing) => drop(behind.insert(account, standing.stream)),
                None => drop(behind.insert(account, Stream::new(account))),
            }
        }
        if behind.is_empty() {
            return Ok(places);
        }
        let ids: Vec<AccountId> = behind.keys().copied().collect();
        if mode == Mode::Locked {
            journal::lock_balances(connection, &ids).await?;
        }
        let balances = journal::fetch_balances(connection, &ids).await?;
        // What is in quarantine is not read again with every command: only an audit lets it out.
        behind.retain(|account, _| {
            let Some(balance) = balances.get(account).filter(|balance| balance.quarantined) else {
                return true;
            };
            places.insert(*account, Place::Quarantined(balance.realm));
            false
        });
        let mut broken: HashMap<AccountId, BrokenStream> =
            journal::follow_events(connection, &mut behind).await?;
        for (account, stream) in behind {
            let version = stream.account.version;
            let (balance, missing) = match (balances.get(&account), stream.account.holder) {
                (Some(balance), _) => (*balance, false),
                (None, None) => {
                    places
                        .insert(account, Place::of(Standing { stream: Stream::new(account), decisions: 0 }));
                    continue;
                }
                (None, Some(holder)) => {
                    // An account opened between the two statements has its row by now: both came in one commit.
                    let again = journal::fetch_balances(connection, &[account]).await?.remove(&account);
                    let realm = holder.owner.realm();
                    let gone = Balance { version, decisions: 0, realm, quarantined: false };
                    (again.unwrap_or(gone), again.is_none())
                }
            };
            if missing {
                let reason = "the balance row is missing".to_owned();
                broken.entry(account).or_insert(BrokenStream { account, sequence: version, reason });
            }
            // Behind no lock, the journal may have grown between the two statements; it can never have shrunk.
            if version < balance.version || (mode == Mode::Locked && version > balance.version) {
                let reason = format!("the journal ends at {version}, its balance row at {}", balance.version);
                let end = BrokenStream { account, sequence: version + 1, reason };
                broken.entry(account).or_insert(end);
            }
            if let Some(error) = broken.remove(&account) {
                tracing::error!(%error, "an account goes into quarantine");
                journal::quarantine(connection, account, balance.realm, &error.to_string()).await?;
                self.warm.forget(account);
                places.insert(account, Place::Quarantined(balance.realm));
            } else {
                let standing = Standing { stream, decisions: balance.decisions };
                self.warm.keep(standing.clone());
                places.insert(account, Place::of(standing));
            }
        }
        Ok(places)
    }
}

fn reply(job: Job, answer: Answer) {
    // The caller may have hung up; what it asked for has happened all the same, and its key will tell.
    let _ = job.answer.send(answer);
}
