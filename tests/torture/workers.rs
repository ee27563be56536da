//! The callers: each a task with a random generator of its own. They send, hang up, send again, and send it twice at once.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;
use sqlx::PgConnection;
use tokio::time::timeout;

use crate::{
    history::Attempt,
    library::Door,
    model::{Answer, Call, Command, Return, Units},
};

/// A call that nobody can answer this often will never be.
const SENDINGS_MAX: usize = 1_000;
/// After so many calls the connections of all lanes are cut.
const CALLS_PER_CUT: u64 = 400;
/// After so many calls there is one more account, which is opened and moved by everybody at once.
const CALLS_PER_NEWCOMER: u64 = 50;
const CUT: &str = "select count(pg_terminate_backend(pid)) from pg_stat_activity
    where datname = current_database() and application_name = 'ledger_writer'";

/// Of a hundred calls, those that only ask what would happen.
const DRY_RUNS: u8 = 10;
/// Of a hundred calls, those that build on a version.
const GUARDS: u8 = 8;
/// Of a hundred calls, those for the newest account.
const NEWCOMERS: u8 = 15;
/// Of a hundred refunds, those that name any entry, such as a refund or one that is not there.
const OF_ANY_ENTRY: u8 = 30;
/// Accounts that are busy all the time.
const ACCOUNTS: usize = 20;
const ONE: Units = 1_000_000_000_000;

/// What all callers share.
pub(crate) struct World<D> {
    door: Arc<D>,
    clock: AtomicU64,
    next_key: AtomicU64,
    /// The newest version that anybody has been told of, by account.
    versions: Vec<AtomicU64>,
    /// The charges and top-ups that anybody has been told of, by account.
    originals: Vec<Mutex<Vec<u64>>>,
    attempts: Mutex<Vec<Attempt>>,
    /// Calls whose callers have hung up and not come back yet.
    abandoned: Mutex<Vec<Arc<Call>>>,
    superuser: tokio::sync::Mutex<PgConnection>,
    cuts: AtomicU64,
}

impl<D: Door> World<D> {
    pub(crate) fn new(door: Arc<D>, superuser: PgConnection, calls: usize) -> Arc<Self> {
        let accounts = accounts_of(calls);
        Arc::new(Self {
            door,
            superuser: superuser.into(),
            cuts: AtomicU64::new(0),
            clock: AtomicU64::new(0),
            next_key: AtomicU64::new(0),
            versions: (0..accounts).map(|_| AtomicU64::new(0)).collect(),
            originals: (0..accounts).map(|_| Mutex::default()).collect(),
            attempts: Mutex::default(),
            abandoned: Mutex::default(),
        })
    }

    /// One caller with so many calls.
    pub(crate) async fn work(self: Arc<Self>, seed: u64, calls: usize) {
        let mut rng = Rng::with_seed(seed);
        for _ in 0..calls {
            let call = Arc::new(self.invent(&mut rng));
            if call.key % CALLS_PER_CUT == CALLS_PER_CUT - 1 {
                self.cut().await;
            }
            let process = rng.usize(0..2);
            match rng.u8(0..100) {
                0..12 => {
                    let patience = Duration::from_micros(rng.u64(0..6_000));
                    let answer = self.send(process, &call, Some(patience)).await;
                    if answer == Answer::Unknown && rng.bool() {
                        self.abandoned.lock().unwrap().push(call);
                    } else {
                        self.insist(1 - process, &call).await;
                    }
                }
                12..20 => {
                    tokio::join!(self.insist(0, &call), self.insist(1, &call));
                }
                20..30 => {
                    self.insist(process, &call).await;
                    self.insist(1 - process, &call).await;
                }
                30..34 => {
                    if self.insist(process, &call).await.is_stored() {
                        self.insist(1 - process, &Arc::new(other_than(&call))).await;
                    }
                }
                _ => drop(self.insist(process, &call).await),
            }
        }
    }

    /// Asks what has become of every call that was given up, looks at every account, and hands the history over.
    pub(crate) async fn finish(&self) -> Vec<Attempt> {
        let abandoned = std::mem::take(&mut *self.abandoned.lock().unwrap());
        for (idx, call) in abandoned.iter().enumerate() {
            self.insist(idx % 2, call).await;
        }
        for call in self.unsettled() {
            // Each process decides in turn, so whatever was still on its way has arrived when it answers.
            for process in [0, 1, 0] {
                self.insist(process, &call).await;
            }
        }
        for account in 0..self.accounts() {
            let look = Call { key: 0, account, command: Command::Look, if_version: None, dry_run: false };
            for process in 0..2 {
                self.insist(process, &Arc::new(look.clone())).await;
            }
        }
        std::mem::take(&mut *self.attempts.lock().unwrap())
    }

    /// Calls that nothing is known to be stored of, and that may still be on their way: a caller hung up, and heard later
    /// that there is no such account or entry yet.
    fn unsettled(&self) -> Vec<Arc<Call>> {
        let attempts = self.attempts.lock().unwrap();
        let mut unsettled: BTreeMap<u64, Arc<Call>> = BTreeMap::new();
        for attempt in attempts.iter().filter(|attempt| attempt.answer == Answer::Unknown) {
            unsettled.entry(attempt.call.key).or_insert(attempt.call.clone());
        }
        for attempt in attempts.iter().filter(|attempt| attempt.answer.is_stored()) {
            unsettled.remove(&attempt.call.key);
        }
        unsettled.into_values().filter(|call| call.is_keyed()).collect()
    }

    pub(crate) fn accounts(&self) -> usize {
        self.versions.len()
    }

    pub(crate) fn cuts(&self) -> u64 {
        self.cuts.load(Ordering::SeqCst)
    }

    async fn cut(&self) {
        let cut = sqlx::query_scalar::<_, i64>(CUT).fetch_one(&mut *self.superuser.lock().await).await;
        self.cuts.fetch_add(cut.expect("the test server answers") as u64, Ordering::SeqCst);
    }

    /// Sends until somebody knows, to one process and the other in turn.
    async fn insist(&self, process: usize, call: &Arc<Call>) -> Answer {
        for sending in 0..SENDINGS_MAX {
            let answer = self.send((process + sending) % 2, call, None).await;
            if answer != Answer::Unknown {
                return answer;
            }
            tokio::task::yield_now().await;
        }
        panic!("nobody can say what has become of {call:?}")
    }

    async fn send(&self, process: usize, call: &Arc<Call>, patience: Option<Duration>) -> Answer {
        let tick = || self.clock.fetch_add(1, Ordering::SeqCst);
        let begun = tick();
        let sent = self.door.send(process, call);
        let answer = match patience {
            Some(patience) => timeout(patience, sent).await.unwrap_or(Answer::Unknown),
            None => sent.await,
        };
        let ended = tick();
        if let Answer::Done { shown, .. } = &answer
            && !call.dry_run
        {
            self.versions[call.account].fetch_max(shown.version, Ordering::SeqCst);
            if matches!(call.command, Command::Charge { .. } | Command::TopUp { .. }) {
                self.originals[call.account].lock().unwrap().push(shown.version);
            }
        }
        let attempt = Attempt { call: call.clone(), begun, ended, answer: answer.clone() };
        self.attempts.lock().unwrap().push(attempt);
        answer
    }

    fn invent(&self, rng: &mut Rng) -> Call {
        let key = self.next_key.fetch_add(1, Ordering::SeqCst);
        let account = if rng.u8(0..100) < NEWCOMERS {
            ACCOUNTS + (key / CALLS_PER_NEWCOMER) as usize
        } else {
            // Some accounts are busier than others.
            rng.usize(0..ACCOUNTS).min(rng.usize(0..ACCOUNTS))
        };
        let version = self.versions[account].load(Ordering::SeqCst);
        let command = match rng.u8(0..100) {
            _ if version == 0 && rng.bool() => open(rng),
            0..3 => open(rng),
            3..22 => Command::TopUp { amount: amount(rng) },
            22..64 => Command::Charge { amount: amount(rng), in_other_currency: rng.u8(0..50) == 0 },
            64..94 => self.give_back(rng, account, version),
            _ => Command::Look,
        };
        let is_look = command == Command::Look;
        let is_charge = matches!(command, Command::Charge { .. });
        let is_guarded = !is_look && rng.u8(0..100) < GUARDS;
        Call {
            key,
            account,
            command,
            if_version: is_guarded.then(|| version.saturating_sub(u64::from(rng.u8(0..4) == 0))),
            dry_run: (is_charge || D::DRY_RUNS_OF_ALL) && !is_look && rng.u8(0..100) < DRY_RUNS,
        }
    }

    fn give_back(&self, rng: &mut Rng, account: usize, version: u64) -> Command {
        let what = match rng.u8(0..10) {
            0..6 => Return::Charge,
            6..9 => Return::TopUp,
            _ => Return::ChargeBack,
        };
        let originals = self.originals[account].lock().unwrap();
        let sequence = match originals.len().checked_sub(1) {
            Some(last) if rng.u8(0..100) >= OF_ANY_ENTRY => originals[last - near(rng, last as u64) as usize],
            // Also one that is not there yet.
            _ => (version + 2).saturating_sub(near(rng, version)).max(1),
        };
        Command::GiveBack { what, sequence, amount: rng.bool().then(|| amount(rng) / 8 + 1) }
    }
}

/// How many accounts so many calls need.
pub(crate) fn accounts_of(calls: usize) -> usize {
    ACCOUNTS + 1 + calls / CALLS_PER_NEWCOMER as usize
}

/// A small number most of the time.
fn near(rng: &mut Rng, most: u64) -> u64 {
    rng.u64(0..=most).min(rng.u64(0..=most)).min(rng.u64(0..=most))
}

fn open(rng: &mut Rng) -> Command {
    Command::Open { credit_limit: ONE * Units::from(rng.u8(0..3) * 5) }
}

/// From a crumb to fifty, in cents or to the last decimal.
fn amount(rng: &mut Rng) -> Units {
    match rng.u8(0..4) {
        0 => Units::from(rng.u64(1..1_000_000)),
        1 => Units::from(rng.u64(1..50_000_000_000_000)),
        _ => ONE / 100 * Units::from(rng.u64(1..2_000)),
    }
}

/// The same key for another wish of the same caller.
fn other_than(call: &Call) -> Call {
    let command = match call.command {
        Command::Charge { amount, .. } => Command::Charge { amount: amount + 1, in_other_currency: false },
        Command::Open { .. } | Command::TopUp { .. } | Command::GiveBack { .. } | Command::Look => {
            Command::TopUp { amount: 7 }
        }
    };
    Call { command, if_version: None, dry_run: false, ..call.clone() }
}
