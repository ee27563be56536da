//! A round: requests that are decided together and written with one statement, on any accounts, over one connection.

pub(crate) mod batch;
pub(crate) mod draft;
pub(crate) mod request;
mod write;

use std::{
    collections::{BTreeSet, HashMap},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tokio::sync::oneshot;

use self::{
    batch::{Batch, Decided, Parts},
    draft::Subject,
    request::Request,
};
pub(crate) use self::{
    batch::{Grounds, answer},
    write::{Resolved, Write, Written},
};
use crate::{
    domain::{entry::Timestamp, ids::AccountId},
    error::LedgerError,
    journal::{KeyFound, KeyOf, Loaded},
    outcome::Receipt,
};

pub(crate) type Answer = Result<Receipt, LedgerError>;

/// A request, and where its answer goes. Nobody may be listening any more: the work goes on all the same.
pub(crate) struct Job {
    pub(crate) request: Arc<Request>,
    pub(crate) answer: oneshot::Sender<Answer>,
    /// How often it was decided under locks, and not stored.
    pub(crate) attempts: usize,
    /// How often a round that it was in was not stored, or could not be answered.
    pub(crate) setbacks: usize,
}

impl Job {
    pub(crate) fn reply(self, answer: Answer) {
        // The caller may have hung up; what it asked for has happened all the same, and its key will tell.
        let _ = self.answer.send(answer);
    }
}

/// Jobs that are decided one by one as they come, to be written together.
pub(crate) struct Round {
    batch: Batch,
    jobs: Vec<(Job, Decided)>,
}

/// A round on its way into the journal. Nothing of it counts before it is there.
pub(crate) struct Flight {
    pub(crate) jobs: Vec<(Job, Decided)>,
    /// Every account in it.
    pub(crate) accounts: BTreeSet<AccountId>,
    /// The accounts that it changes, as they were before.
    pub(crate) before: Vec<Loaded>,
}

impl Flight {
    /// The keys that have no outcome if it does not arrive.
    pub(crate) fn keys(&self) -> impl Iterator<Item = KeyOf> {
        let stored = self.jobs.iter().filter(|(_, decided)| decided.grounds == Grounds::Stored);
        stored.filter_map(|(job, _)| job.request.keyed())
    }
}

/// What a round leaves behind when it is sent off.
pub(crate) struct Sent {
    pub(crate) flight: Flight,
    pub(crate) write: Write,
    /// The accounts as they are once it is written.
    pub(crate) after: Vec<Loaded>,
    pub(crate) outcomes: HashMap<KeyOf, KeyFound>,
}

impl Round {
    pub(crate) fn new(at: Timestamp, forgotten_before: Timestamp) -> Self {
        Self { batch: Batch::new(at, forgotten_before), jobs: Vec::new() }
    }

    pub(crate) fn batch(&mut self) -> &mut Batch {
        &mut self.batch
    }

    pub(crate) fn holds(&self, account: AccountId) -> bool {
        self.batch.holds(account)
    }

    pub(crate) fn subject(&self, account: AccountId) -> Option<&Subject> {
        self.batch.subject(account)
    }

    pub(crate) fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Decides a job on what the ones before it have left.
    ///
    /// An assertion that fails is our bug: the job comes back, and of this round nothing may be written.
    pub(crate) fn decide(&mut self, job: Job) -> Result<(), Job> {
        let decide = AssertUnwindSafe(|| self.batch.decide(&job.request));
        match catch_unwind(decide) {
            Ok(decided) => {
                self.jobs.push((job, decided));
                Ok(())
            }
            Err(_) => Err(job),
        }
    }

    /// What is to be written, and what is to be kept until it is. When an assertion fails, the jobs: nothing may be written.
    pub(crate) fn send(mut self) -> Result<Sent, Vec<Job>> {
        let Ok(commit) = catch_unwind(AssertUnwindSafe(|| self.batch.finish())) else {
            return Err(self.jobs.into_iter().map(|(job, _)| job).collect());
        };
        let write = Write::new(commit, self.batch.bases(), &self.jobs);
        let Parts { after, before, outcomes } = self.batch.into_parts();
        let accounts = self.jobs.iter().map(|(job, _)| job.request.account).collect();
        Ok(Sent { flight: Flight { jobs: self.jobs, accounts, before }, write, after, outcomes })
    }

    /// Gives it up before it is written: its jobs, and its accounts as they were.
    pub(crate) fn scrap(self) -> (Vec<Job>, impl Iterator<Item = Subject>) {
        (self.jobs.into_iter().map(|(job, _)| job).collect(), self.batch.scrap())
    }
}
