//! Errands: work that a lane sends somebody else for, and what it makes of what they bring.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use futures::FutureExt;
use tokio::sync::mpsc;

use super::{
    Lane, News, ROUND_JOBS_MAX, SNAPSHOT_AT_LOAD_EVENTS, fail,
    prepare::{Condition, Prepared, Want, prepare},
};
use crate::{
    chores::Chore,
    domain::ids::AccountId,
    error::LedgerError,
    journal::forgotten_before,
    locked::{Case, Done, Settled, settle},
    round::{Answer, Job, draft::Subject},
};

/// Accounts that one errand brings along.
const GROUP_ACCOUNTS_MAX: usize = 256;
/// Errands of one lane that read at once, and that hold locks at once.
const READERS_MAX: usize = 3;
const LOCKERS_MAX: usize = 3;
/// How long the database has not told the time before it is called silent: it is asked twice a second.
const SILENT_AFTER: Duration = Duration::from_secs(2);
/// How often jobs are decided under locks before they are given up. A second time is needed when an account is opened twice, a
/// third when it has to be read anew.
const LOCKED_ATTEMPTS_MAX: usize = 4;

/// What one lane's errands hold at most of the pool.
pub(crate) const ERRANDS_MAX: usize = READERS_MAX + LOCKERS_MAX;

pub(super) struct Errands {
    tell: mpsc::UnboundedSender<News>,
    out: HashMap<u64, Out>,
    sent: u64,
    /// Accounts that are read alone, because one of a group that they were in spoilt it, or because there is much of them.
    alone: BTreeSet<AccountId>,
    /// Accounts that are locked alone, because one of a group that they were in kept it from being stored.
    apart: BTreeSet<AccountId>,
    /// The last one that read came back with nothing: while the next one tries, nobody need wait.
    is_down: bool,
}

/// An errand that is not back.
struct Out {
    accounts: Vec<AccountId>,
    /// The jobs that it decides; none for one that only reads.
    jobs: Vec<Job>,
    is_alone: bool,
    /// The lane has met another server since: what this brings is of the old one.
    is_outdated: bool,
}

/// An errand that is back.
pub(super) struct Brought {
    number: u64,
    load: Load,
}

enum Load {
    Read(Result<Prepared, sqlx::Error>),
    Settled(Settled),
}

impl Errands {
    pub(super) fn new(tell: mpsc::UnboundedSender<News>) -> Self {
        Self {
            tell,
            out: HashMap::new(),
            sent: 0,
            alone: BTreeSet::new(),
            apart: BTreeSet::new(),
            is_down: false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    fn n_reading(&self) -> usize {
        self.out.values().filter(|out| out.jobs.is_empty()).count()
    }

    fn n_locking(&self) -> usize {
        self.out.len() - self.n_reading()
    }

    /// Whether one more may go alone: the last place is for the others, who are many and do not take long.
    fn may_read_alone(&self) -> bool {
        self.out.values().filter(|out| out.is_alone && out.jobs.is_empty()).count() < READERS_MAX - 1
    }

    fn may_lock_alone(&self) -> bool {
        self.out.values().filter(|out| out.is_alone && !out.jobs.is_empty()).count() < LOCKERS_MAX - 1
    }

    fn send(&mut self, out: Out, work: impl Future<Output = Load> + Send + 'static) {
        self.sent += 1;
        let (number, tell, is_locking) = (self.sent, self.tell.clone(), !out.jobs.is_empty());
        self.out.insert(number, out);
        tokio::spawn(async move {
            // Whatever a row does to whoever reads it: the errand comes back.
            let load = AssertUnwindSafe(work).catch_unwind().await;
            let panicked = |_| match is_locking {
                true => Load::Settled(Settled::Unknown(None)),
                false => Load::Read(Err(sqlx::Error::Decode("it cannot be read at all".into()))),
            };
            let _ = tell.send(News::Brought(Brought { number, load: load.unwrap_or_else(panicked) }));
        });
    }

    /// Whatever is out has been read from a server, or decided on one, that is not ours any more.
    pub(super) fn outdate(&mut self) {
        self.out.values_mut().for_each(|out| out.is_outdated = true);
    }
}

/// The next group, and whether it goes alone: one of those that must, if it may, or as many of the others as may go together.
fn next_group(
    accounts: &mut Vec<AccountId>,
    alone: &mut BTreeSet<AccountId>,
    may_go_alone: bool,
) -> Option<(Vec<AccountId>, bool)> {
    let idx = accounts.iter().position(|account| alone.contains(account)).filter(|_| may_go_alone);
    if let Some(idx) = idx {
        let account = accounts.swap_remove(idx);
        alone.remove(&account);
        return Some((vec![account], true));
    }
    let (mut group, rest): (Vec<_>, Vec<_>) =
        accounts.drain(..).partition(|account| !alone.contains(account));
    *accounts = group.split_off(group.len().min(GROUP_ACCOUNTS_MAX));
    accounts.extend(rest);
    Some((group, false)).filter(|(group, _)| !group.is_empty())
}

impl Lane {
    /// Sends for what the held accounts lack, unless they are being decided on or written.
    pub(super) fn send_errands(&mut self) {
        let (mut contended, mut lacking) = (Vec::new(), Vec::new());
        for account in self.waiting.held() {
            let is_flying = self.flight.as_ref().is_some_and(|flight| flight.accounts.contains(&account));
            if is_flying || self.round.holds(account) {
                continue;
            }
            // What goes by locks is read before, so that the lock is short.
            let is_known = self.warm.subject(account).is_some();
            if self.warm.is_contended(account) && is_known {
                contended.push(account)
            } else {
                lacking.push(account)
            }
        }
        while self.errands.n_locking() < LOCKERS_MAX {
            let may_go_alone = self.errands.may_lock_alone();
            let next = next_group(&mut contended, &mut self.errands.apart, may_go_alone);
            let Some((group, is_alone)) = next else { break };
            self.send_to_settle(group, is_alone);
        }
        // While somebody else asks a database that says nothing at all, nobody need wait for it.
        let is_silent = self.errands.is_down && self.shared.clock.is_older_than(SILENT_AFTER);
        while self.errands.n_reading() < READERS_MAX {
            if is_silent && self.errands.n_reading() > 0 {
                lacking.drain(..).for_each(|account| self.give_up(account, None));
            }
            let may_go_alone = self.errands.may_read_alone();
            let next = next_group(&mut lacking, &mut self.errands.alone, may_go_alone);
            let Some((group, is_alone)) = next else { break };
            self.send_to_read(group, is_alone);
        }
    }

    fn send_to_read(&mut self, accounts: Vec<AccountId>, is_alone: bool) {
        let mut wants = BTreeMap::new();
        for account in &accounts {
            let loaded = self.warm.take_loaded(*account);
            let mut want = Want { loaded, questions: BTreeSet::new(), keys: BTreeSet::new() };
            let is_repeated = self.warm.is_repeated(*account);
            for job in self.waiting.of(*account).take(ROUND_JOBS_MAX) {
                want.questions.extend(job.request.asks());
                let key = job.request.keyed().filter(|key| is_repeated && !self.warm.knows(key));
                want.keys.extend(key.map(|(_, key)| key));
            }
            wants.insert(*account, want);
            self.waiting.send_for(*account);
        }
        let pool = self.shared.pool.clone();
        let forgotten_before = forgotten_before(self.shared.clock.now());
        let read = async move { Load::Read(prepare(&pool, wants, is_alone, forgotten_before).await) };
        self.errands.send(Out { accounts, jobs: Vec::new(), is_alone, is_outdated: false }, read);
    }

    fn send_to_settle(&mut self, accounts: Vec<AccountId>, is_alone: bool) {
        let (mut known, mut jobs) = (BTreeMap::new(), Vec::new());
        for account in &accounts {
            let loaded = self.warm.take_loaded(*account);
            known.insert(*account, loaded);
            // At least one of each, or whoever comes behind a flood would be sent for in vain.
            jobs.extend(self.waiting.take_of(*account, (ROUND_JOBS_MAX / accounts.len()).max(1)));
            self.waiting.send_for(*account);
        }
        let requests: Vec<_> = jobs.iter().map(|job| Arc::clone(&job.request)).collect();
        let may_condemn = jobs.iter().any(|job| job.attempts > 0);
        let (pool, failpoints) = (self.shared.pool.clone(), self.shared.failpoints.clone());
        let case = Case { requests, known, may_condemn, server: self.server.clone() };
        let work = async move { Load::Settled(settle(&pool, &failpoints, case).await) };
        self.errands.send(Out { accounts, jobs, is_alone, is_outdated: false }, work);
    }

    /// Takes in what an errand has brought, and lets its accounts have their turns again.
    pub(super) fn take_back(&mut self, Brought { number, load }: Brought) {
        let Some(out) = self.errands.out.remove(&number) else { return };
        let Out { accounts, jobs, is_outdated, .. } = out;
        match load {
            // Of this server nothing has been seen: the accounts are read anew.
            Load::Read(Ok(_)) if is_outdated => {}
            Load::Settled(Settled::Done(done)) if is_outdated => reply(jobs, done.answers),
            Load::Read(Ok(prepared)) => self.take_prepared(prepared),
            Load::Read(Err(error)) => self.take_read_error(&accounts, error),
            Load::Settled(settled) => self.take_settled(&accounts, jobs, settled),
        }
        accounts.into_iter().for_each(|account| self.waiting.bring_back(account));
    }

    fn take_prepared(&mut self, Prepared { accounts, found }: Prepared) {
        self.errands.is_down = false;
        self.warm.learn(found.into_iter().collect());
        for (account, condition) in accounts {
            match condition {
                Condition::Ready(mut subject) => {
                    self.keep_snapshot(&mut subject, SNAPSHOT_AT_LOAD_EVENTS);
                    self.warm.keep(account, subject);
                }
                Condition::Long => drop(self.errands.alone.insert(account)),
                Condition::Contested(loaded) => {
                    self.warm.keep(account, Subject::open(*loaded));
                    self.warm.note_contended(account);
                }
            }
        }
    }

    fn take_read_error(&mut self, accounts: &[AccountId], error: sqlx::Error) {
        let is_unreadable = matches!(error, sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. });
        match accounts {
            [account] if is_unreadable => {
                tracing::error!(%account, %error, "an account cannot be read by this release");
                self.warm.keep(*account, Subject::Quarantined(None));
            }
            [_, _, ..] if is_unreadable || is_about_rows(&error) => self.errands.alone.extend(accounts),
            _ => {
                tracing::error!(error = &error as &dyn std::error::Error, "accounts could not be read");
                self.errands.is_down = true;
                let mut error = Some(error);
                accounts.iter().for_each(|account| self.give_up(*account, error.take()));
            }
        }
    }

    fn take_settled(&mut self, accounts: &[AccountId], jobs: Vec<Job>, settled: Settled) {
        match settled {
            Settled::Done(done) => {
                let Done { answers, after, outcomes, met, now } = *done;
                self.shared.clock.set(now);
                after.into_iter().for_each(|loaded| self.warm.keep_loaded(loaded));
                self.warm.learn(outcomes);
                met.into_iter().for_each(|account| self.warm.note_contended(account));
                reply(jobs, answers);
            }
            Settled::Again => {
                let (again, given_up): (Vec<_>, Vec<_>) = jobs
                    .into_iter()
                    .map(|job| Job { attempts: job.attempts + 1, ..job })
                    .partition(|job| job.attempts < LOCKED_ATTEMPTS_MAX);
                given_up.into_iter().for_each(|job| job.reply(Err(LedgerError::Busy)));
                accounts.iter().for_each(|account| self.warm.note_contended(*account));
                // Whose fault it was nobody knows, and the others must not pay for it again.
                self.errands.apart.extend(accounts.iter().filter(|_| accounts.len() > 1));
                self.waiting.push_front(again);
            }
            Settled::Locked if accounts.len() > 1 => {
                self.errands.apart.extend(accounts);
                accounts.iter().for_each(|account| self.warm.note_contended(*account));
                self.waiting.push_front(jobs);
            }
            Settled::Locked => jobs.into_iter().for_each(|job| job.reply(Err(LedgerError::Busy))),
            Settled::Elsewhere(server) => {
                self.waiting.push_front(jobs);
                self.connected_to(server);
            }
            Settled::Unknown(error) => {
                tracing::error!(?error, "a round under locks has an unknown outcome");
                fail(jobs, error);
            }
        }
    }

    /// Nobody can be asked: whoever waits for this account hears it now.
    fn give_up(&mut self, account: AccountId, error: Option<sqlx::Error>) {
        let jobs = self.waiting.take_of(account, usize::MAX);
        self.waiting.let_go(account);
        fail(jobs, error);
    }

    /// Leaves a snapshot where there has been none for so many events.
    pub(super) fn keep_snapshot(&mut self, subject: &mut Subject, events: u64) {
        let Subject::Open(draft) = subject else { return };
        let loaded = draft.loaded_mut();
        if loaded.version() - loaded.snapshot_version >= events {
            loaded.snapshot_version = loaded.version();
            self.shared.chores.add(Chore::KeepSnapshot(Box::new(loaded.clone())));
        }
    }
}

/// Whether the server says that it cannot read something, such as a damaged page, and not that it, or the connection, is going.
fn is_about_rows(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| !["08", "53", "57"].iter().any(|class| code.starts_with(class)))
}

fn reply(jobs: Vec<Job>, answers: Vec<Answer>) {
    jobs.into_iter().zip(answers).for_each(|(job, answer)| job.reply(answer));
}
