//! A lane: the one writer, in this process, of a shard of accounts.
//!
//! It decides the jobs that wait in memory, while the round before is being written, and sends off whatever is decided when
//! that is done. One job is a round of one. Nothing else is done here: whoever lacks something, or meets another process, is
//! away until an errand has brought it along, and the others go on.

mod errand;
mod prepare;
mod waiting;
mod warm;
mod writer;

use std::sync::Arc;

use sqlx::{PgPool, postgres::PgConnectOptions};
use tokio::sync::mpsc;

pub(crate) use self::errand::ERRANDS_MAX;
use self::{
    errand::{Brought, Errands},
    waiting::Waiting,
    warm::Warm,
    writer::Writer,
};
use crate::{
    chores::{Chore, Chores},
    clock::Clock,
    error::LedgerError,
    failpoint::Failpoints,
    journal::{KeyOf, SNAPSHOT_EVENTS, Server, forgotten_before},
    round::{
        Flight, Grounds, Job, Resolved, Round, Sent, Write, Written, answer, draft::Subject, request::Request,
    },
};

/// Jobs decided and written at once.
const ROUND_JOBS_MAX: usize = 512;
/// Jobs that may wait in front of one lane; the next one is told to try again.
pub(crate) const LANE_QUEUE_MAX: usize = 8_192;
/// How often a job is decided again because its round was not stored: enough for whoever has bad luck, and no loop.
const SETBACKS_MAX: usize = 64;
/// After this many refusing rounds of one account its old refusals are cleared away.
const REFUSING_ROUNDS: u64 = 1_000;
/// A stream that was read on for longer than this leaves a snapshot.
const SNAPSHOT_AT_LOAD_EVENTS: u64 = 512;

const _: () = assert!(ROUND_JOBS_MAX <= LANE_QUEUE_MAX);

/// What the lanes of one ledger share.
#[derive(Clone)]
pub(crate) struct Shared {
    /// For errands.
    pub(crate) pool: PgPool,
    /// For each lane's own connection.
    pub(crate) options: PgConnectOptions,
    pub(crate) clock: Arc<Clock>,
    pub(crate) chores: Chores,
    pub(crate) failpoints: Failpoints,
}

pub(crate) struct Lane {
    shared: Shared,
    warm: Warm,
    waiting: Waiting,
    /// Being decided.
    round: Round,
    /// Being written.
    flight: Option<Flight>,
    errands: Errands,
    writer: mpsc::Sender<Write>,
    news: mpsc::UnboundedReceiver<News>,
    /// The server that everything here is known from.
    server: Server,
}

/// What a lane waits for, beside new jobs.
enum News {
    /// The writer has a new connection, to this server.
    Connected(Server),
    Written(Written),
    Brought(Brought),
}

impl Lane {
    pub(crate) fn new(shared: Shared, server: Server) -> Self {
        let (tell, news) = mpsc::unbounded_channel();
        let (writer, writes) = mpsc::channel(1);
        let at_work = Writer::new(shared.options.clone(), shared.failpoints.clone());
        tokio::spawn(at_work.run(writes, tell.clone()));
        let errands = Errands::new(tell);
        let round = new_round(&shared.clock);
        let (warm, waiting) = (Warm::default(), Waiting::default());
        Self { shared, warm, waiting, round, flight: None, errands, writer, news, server }
    }

    /// Serves until every sender is gone and everything that waited is answered.
    pub(crate) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut is_open = true;
        loop {
            while {
                self.decide();
                self.launch()
            } {}
            self.send_errands();
            if !is_open && self.is_idle() {
                return;
            }
            tokio::select! {
                job = jobs.recv(), if is_open && self.waiting.len() < LANE_QUEUE_MAX => match job {
                    Some(job) => self.push(job),
                    None => is_open = false,
                },
                Some(news) = self.news.recv() => self.take_in(news),
            }
            while self.waiting.len() < LANE_QUEUE_MAX
                && let Ok(job) = jobs.try_recv()
            {
                self.push(job);
            }
        }
    }

    fn push(&mut self, job: Job) {
        if let Err(job) = self.waiting.push(job) {
            job.reply(Err(LedgerError::Busy));
        }
    }

    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.round.len() == 0 && self.flight.is_none() && self.errands.is_empty()
    }

    /// Decides what waits, as far as it can be decided from memory.
    fn decide(&mut self) {
        if self.round.len() == 0 {
            self.round = new_round(&self.shared.clock);
        }
        while self.round.len() < ROUND_JOBS_MAX
            && let Some(job) = self.waiting.next()
        {
            let request = job.request.clone();
            if !self.is_decidable(&request) {
                self.waiting.hold();
                continue;
            }
            self.admit(&request);
            let Some(job) = self.waiting.take() else { return };
            if let Err(job) = self.round.decide(job) {
                tracing::error!(account = %request.account, "an assertion failed; this command is given up, the others are decided again");
                self.scrap_round();
                self.warm.forget(request.account);
                job.reply(Err(LedgerError::Unavailable(None)));
                return;
            }
        }
    }

    fn is_decidable(&self, request: &Request) -> bool {
        let account = request.account;
        let draft = match self.round.subject(account).or_else(|| self.warm.subject(account)) {
            None => return false,
            Some(Subject::Quarantined(_)) => return true,
            Some(Subject::Open(draft)) => draft,
        };
        if self.warm.is_contended(account) {
            return false;
        }
        let is_key_known = |key: KeyOf| self.warm.knows(&key) || draft.asked.free_keys.contains(&key.1);
        let needs_key = self.warm.is_repeated(account) && !request.keyed().is_none_or(is_key_known);
        !needs_key && request.asks().iter().all(|question| draft.asked.questions.contains(question))
    }

    fn admit(&mut self, request: &Request) {
        let account = request.account;
        if !self.round.holds(account)
            && let Some(subject) = self.warm.take(account)
        {
            self.round.batch().admit(account, subject);
        }
        if let Some(key) = request.keyed()
            && let Some(found) = self.warm.outcome(&key, forgotten_before(self.shared.clock.now()))
        {
            self.round.batch().know(key, found);
        }
    }

    /// Sends the round off, once the one before it is written. Returns whether it is done with already.
    fn launch(&mut self) -> bool {
        if self.flight.is_some() || self.round.len() == 0 {
            return false;
        }
        let round = std::mem::replace(&mut self.round, new_round(&self.shared.clock));
        match round.send() {
            Ok(Sent { flight, write, after, outcomes }) => {
                after.into_iter().for_each(|loaded| self.warm.keep_loaded(loaded));
                self.warm.learn(outcomes);
                self.flight = Some(flight);
                if write.is_idle() {
                    self.land(Written::Done(None, Ok(Resolved::default())));
                } else if self.writer.try_send(write).is_err() {
                    self.land(Written::Unknown(None));
                }
            }
            Err(jobs) => {
                tracing::error!("an assertion failed; a whole round is given up");
                fail(jobs, None);
            }
        }
        self.flight.is_none()
    }

    fn take_in(&mut self, news: News) {
        match news {
            News::Connected(server) => self.connected_to(server),
            News::Written(written) => self.land(written),
            News::Brought(brought) => self.take_back(brought),
        }
    }

    fn connected_to(&mut self, server: Server) {
        if self.server != server {
            tracing::warn!(
                "the database is another server than before; what is remembered of the old one is forgotten"
            );
            self.server = server;
            self.scrap_round();
            self.warm.forget_all();
            // Nor does what is under way come back as something that was seen here.
            self.flight.iter_mut().for_each(|flight| flight.before.clear());
            self.errands.outdate();
        }
    }

    /// Answers the round that was being written, or has it decided again.
    fn land(&mut self, written: Written) {
        let Some(flight) = self.flight.take() else { return };
        match written {
            Written::Done(now, resolved) => {
                if let Some(now) = now {
                    self.shared.clock.set(now);
                }
                self.add_chores(&flight);
                self.answer(flight, resolved);
            }
            Written::Fenced { found, contested } => {
                // What was decided meanwhile stands on what did not happen.
                self.scrap_round();
                flight.keys().for_each(|key| self.warm.unlearn(&key));
                flight.before.into_iter().for_each(|loaded| self.warm.keep_loaded(loaded));
                contested.iter().for_each(|account| self.warm.note_contended(*account));
                found.keys().for_each(|(account, _)| self.warm.note_repeated(*account));
                self.warm.learn(found);
                self.try_again(flight.jobs.into_iter().map(|(job, _)| job).collect());
            }
            Written::Unknown(error) => {
                if let Some(error) = &error {
                    tracing::error!(
                        error = error as &dyn std::error::Error,
                        "a round has an unknown outcome"
                    );
                }
                self.scrap_round();
                flight.keys().for_each(|key| self.warm.unlearn(&key));
                // What is warm may be behind the journal now: the next job has it loaded and checked anew.
                flight.accounts.iter().for_each(|account| self.warm.forget(*account));
                fail(flight.jobs.into_iter().map(|(job, _)| job), error);
            }
        }
    }

    /// Answers what is sure, and what was in doubt as far as it is resolved.
    fn answer(&mut self, flight: Flight, resolved: sqlx::Result<Resolved>) {
        let (Resolved { found, stale }, mut error) = match resolved {
            Ok(resolved) => (resolved, None),
            Err(error) => (Resolved::default(), Some(error)),
        };
        if !stale.is_empty() {
            self.scrap_round();
        }
        for account in &stale {
            self.warm.forget(*account);
            self.warm.note_contended(*account);
        }
        let has_failed = error.is_some();
        let mut again = Vec::new();
        for (job, decided) in flight.jobs {
            let is_in_doubt = decided.grounds == Grounds::Memory;
            let key = job.request.key.filter(|_| is_in_doubt);
            let outcome = key.and_then(|key| Some((found.get(&(job.request.account, key.hash))?, key)));
            match outcome {
                _ if !is_in_doubt => job.reply(decided.answer),
                _ if has_failed => job.reply(Err(LedgerError::Unavailable(error.take()))),
                Some((found, key)) => job.reply(answer(found, &key)),
                None if stale.contains(&job.request.account) => again.push(job),
                None => job.reply(decided.answer),
            }
        }
        self.warm.learn(found);
        self.try_again(again);
    }

    /// Has jobs decided again, unless that has been in vain too often.
    fn try_again(&mut self, jobs: Vec<Job>) {
        let jobs = jobs.into_iter().map(|job| Job { setbacks: job.setbacks + 1, ..job });
        let (again, given_up): (Vec<_>, Vec<_>) = jobs.partition(|job| job.setbacks < SETBACKS_MAX);
        given_up.into_iter().for_each(|job| job.reply(Err(LedgerError::Busy)));
        self.waiting.push_front(again);
    }

    /// Gives up what was decided and not sent off yet; it is decided again.
    fn scrap_round(&mut self) {
        let round = std::mem::replace(&mut self.round, new_round(&self.shared.clock));
        let (jobs, accounts) = round.scrap();
        accounts.for_each(|subject| self.warm.keep_subject(subject));
        self.waiting.push_front(jobs);
    }

    /// What the accounts of a round that is stored leave to be done.
    fn add_chores(&mut self, flight: &Flight) {
        for before in &flight.before {
            let account = before.id();
            let Some(mut subject) = self.warm.take(account) else { continue };
            self.keep_snapshot(&mut subject, SNAPSHOT_EVENTS);
            if let Subject::Open(draft) = &mut subject {
                let decisions = draft.loaded_mut().decisions;
                if decisions != before.decisions && decisions.is_multiple_of(REFUSING_ROUNDS) {
                    self.shared.chores.add(Chore::ForgetRefusals(account));
                }
            }
            self.warm.keep(account, subject);
        }
    }
}

fn new_round(clock: &Clock) -> Round {
    let now = clock.now();
    Round::new(now, forgotten_before(now))
}

/// Nobody knows what became of these; the first one hears why.
fn fail(jobs: impl IntoIterator<Item = Job>, error: Option<sqlx::Error>) {
    let mut error = error;
    jobs.into_iter().for_each(|job| job.reply(Err(LedgerError::Unavailable(error.take()))));
}
