//! The one fallback: requests on any accounts, decided and written in one transaction that holds the locks of their rows.
//!
//! In a task of its own, with patience for locks that others hold, while the lane goes on with everybody else.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use sqlx::{PgConnection, PgPool};

use crate::{
    domain::{
        account::Facts,
        entry::Timestamp,
        ids::{AccountId, RealmId},
    },
    error::LedgerError,
    failpoint::Failpoints,
    journal::{
        AppendError, Disagreement, Extent, Fence, Found, KeyFound, KeyOf, Loaded, Mark, Server, append,
        fence, fetch_facts, fetch_outcomes, forgotten_before, load, lock_rows, mend_row, quarantine,
        stream::BrokenStream,
        tx::{Begin, in_task},
    },
    round::{
        Answer,
        batch::{Batch, Parts},
        draft::{Asked, Draft, Subject},
        request::Request,
    },
};

/// Events of one account that are read while its row is locked; a longer way is gone before.
const TAIL_EVENTS_MAX: u64 = 65_536;

/// Who is named in `repairs` where a lane has found the difference.
const LANE: &str = "lane";

/// What is to be decided.
pub(crate) struct Case {
    pub(crate) requests: Vec<Arc<Request>>,
    /// Every account in it, as far as it is known.
    pub(crate) known: BTreeMap<AccountId, Option<Loaded>>,
    /// Whether what does not hold is broken. Before, it is read anew, from its first event.
    pub(crate) may_condemn: bool,
    /// The server that all of it is known from.
    pub(crate) server: Server,
}

/// What became of it.
pub(crate) enum Settled {
    /// Decided, and stored as far as there was anything to store.
    Done(Box<Done>),
    /// Nothing happened: to be decided again, on accounts that are read anew.
    Again,
    /// Nothing happened: somebody else holds a lock.
    Locked,
    /// Nothing happened: this is another server than the one that everything is known from.
    Elsewhere(Server),
    /// Nobody knows what happened.
    Unknown(Option<sqlx::Error>),
}

pub(crate) struct Done {
    /// One for each request, in their order.
    pub(crate) answers: Vec<Answer>,
    /// The accounts as they are now.
    pub(crate) after: Vec<Loaded>,
    pub(crate) outcomes: HashMap<KeyOf, KeyFound>,
    /// Accounts that somebody else had moved.
    pub(crate) met: BTreeSet<AccountId>,
    pub(crate) now: Timestamp,
}

impl From<sqlx::Error> for Settled {
    fn from(error: sqlx::Error) -> Self {
        match fence(&error) {
            Some(Fence::Moved) => Self::Again,
            Some(Fence::Locked) => Self::Locked,
            None => Self::Unknown(Some(error)),
        }
    }
}

impl From<LedgerError> for Settled {
    fn from(error: LedgerError) -> Self {
        if let LedgerError::Unavailable(Some(error)) = error { error.into() } else { Self::Unknown(None) }
    }
}

/// Decides and stores a case.
pub(crate) async fn settle(pool: &PgPool, failpoints: &Failpoints, case: Case) -> Settled {
    let within = failpoints.clone();
    let done = in_task(pool, Begin::ForLocks, move |connection| {
        Box::pin(async move {
            let done = decide(connection, case).await?;
            within.reach("before_commit").await?;
            Ok(done)
        })
    });
    let done = match done.await {
        Ok(done) => done,
        Err(setback) => return setback,
    };
    match failpoints.reach("after_commit").await {
        Ok(()) => Settled::Done(Box::new(done)),
        Err(lost) => Settled::Unknown(Some(lost)),
    }
}

async fn decide(connection: &mut PgConnection, case: Case) -> Result<Done, Settled> {
    let Case { requests, known, may_condemn, server } = case;
    let accounts: Vec<AccountId> = known.keys().copied().collect();
    let marks: HashMap<AccountId, Mark> =
        known.values().flatten().map(|loaded| (loaded.id(), loaded.mark())).collect();
    let locked = lock_rows(connection, &accounts).await?;
    let (found, now) = Server::identify(connection).await?;
    if found != server {
        return Err(Settled::Elsewhere(found));
    }
    let bench = Bench { locked, marks, may_condemn };
    let mut facts = {
        let questions: Vec<_> = requests
            .iter()
            .flat_map(|request| request.asks().into_iter().map(|question| (request.account, question)))
            .collect();
        fetch_facts(connection, &questions).await?
    };
    let mut batch = Batch::new(now, forgotten_before(now));
    let mut met = BTreeSet::new();
    for (account, found) in load(connection, known, TAIL_EVENTS_MAX).await? {
        let facts = facts.remove(&account).unwrap_or_else(|| Ok(Facts::default()));
        let subject = bench.judge(connection, account, found, facts).await?;
        if let Subject::Open(draft) = &subject
            && bench.marks.get(&account).is_some_and(|mark| *mark != draft.base())
        {
            met.insert(account);
        }
        batch.admit(account, subject);
    }
    let keys: Vec<KeyOf> = requests.iter().filter_map(|request| request.keyed()).collect();
    for (key, found) in fetch_outcomes(connection, &keys, forgotten_before(now)).await? {
        batch.know(key, found);
    }
    let answers = requests.iter().map(|request| batch.decide(request).answer).collect();
    let commit = batch.finish();
    if !commit.moves.is_empty() {
        match append(connection, &commit).await {
            Ok(_) => {}
            Err(AppendError::Fenced(Fence::Moved)) => return Err(Settled::Again),
            Err(AppendError::Fenced(Fence::Locked)) => return Err(Settled::Locked),
            Err(AppendError::Unknown(error)) => return Err(Settled::Unknown(Some(error))),
        }
    }
    let Parts { after, outcomes, .. } = batch.into_parts();
    Ok(Done { answers, after, outcomes, met, now })
}

/// Who says what holds.
struct Bench {
    /// The accounts whose rows this transaction has locked.
    locked: BTreeSet<AccountId>,
    /// What was known of the accounts before.
    marks: HashMap<AccountId, Mark>,
    may_condemn: bool,
}

impl Bench {
    async fn judge(
        &self,
        connection: &mut PgConnection,
        account: AccountId,
        found: Found,
        facts: Result<Facts, BrokenStream>,
    ) -> Result<Subject, Settled> {
        match (found, facts) {
            (Found::Loaded(loaded), Ok(facts)) => Ok(open(*loaded, facts)),
            (Found::Loaded(loaded), Err(broken)) => {
                let realm = loaded.stream.account.holder.map(|holder| holder.owner.realm());
                self.condemn(connection, &broken, realm, self.may_condemn).await
            }
            (Found::Quarantined(realm), _) => Ok(Subject::Quarantined(Some(realm))),
            (Found::Unreadable(realm, reason), _) => {
                tracing::error!(%account, reason, "an account cannot be read by this release");
                Ok(Subject::Quarantined(realm))
            }
            (Found::Long, _) => Err(Settled::Again),
            (Found::Differs(disagreement), facts) => self.settle(connection, *disagreement, facts).await,
        }
    }

    /// Stream and row do not agree. Behind the lock of the row that is somebody's doing.
    async fn settle(
        &self,
        connection: &mut PgConnection,
        disagreement: Disagreement,
        facts: Result<Facts, BrokenStream>,
    ) -> Result<Subject, Settled> {
        let account = disagreement.loaded.id();
        let is_locked = self.locked.contains(&account);
        if disagreement.is_row_at_fault && is_locked {
            tracing::error!(
                %account, row = ?disagreement.row,
                "a balance row was changed behind the ledger's back; it is mended from the journal, and on record"
            );
            let Disagreement { loaded, .. } = disagreement;
            let decisions = mend_row(connection, &loaded.stream, Extent::Moving, LANE).await?;
            let (Some(decisions), Ok(facts)) = (decisions, facts) else { return Err(Settled::Again) };
            let row_head = Some(loaded.stream.head);
            return Ok(open(Loaded { decisions, row_head, ..loaded }, facts));
        }
        let mark = self.marks.get(&account);
        let row = disagreement.row.as_ref();
        let holder = disagreement.loaded.stream.account.holder;
        let realm = row.map(|row| row.realm).or(holder.map(|holder| holder.owner.realm()));
        if let Some((mark, row)) = mark.zip(row).filter(|(mark, row)| is_locked && mark.is_gone_from(row)) {
            // Nothing in the database shows it any more: whoever has seen it is the only witness.
            let (seen, sequence) = (mark.version(), row.row.balance_version + 1);
            let reason = format!(
                "this process has seen entry {seen}; the row knows of another one, or of none after {}",
                sequence - 1
            );
            let broken = BrokenStream { account, sequence, reason };
            return self.condemn(connection, &broken, realm, true).await;
        }
        // A row that came after the lock was taken is nobody's fault, and neither is one that was never there. It is missing
        // if its account was open before.
        let is_missing = row.is_none() && mark.is_some_and(Mark::is_open);
        self.condemn(connection, &disagreement.broken, realm, self.may_condemn && (is_locked || is_missing))
            .await
    }

    async fn condemn(
        &self,
        connection: &mut PgConnection,
        broken: &BrokenStream,
        realm: Option<RealmId>,
        is_certain: bool,
    ) -> Result<Subject, Settled> {
        let Some(realm) = realm.filter(|_| is_certain) else { return Err(Settled::Again) };
        tracing::error!(error = %broken, "an account goes into quarantine");
        quarantine(connection, broken.account, realm, &broken.to_string()).await?;
        Ok(Subject::Quarantined(Some(realm)))
    }
}

fn open(loaded: Loaded, facts: Facts) -> Subject {
    Subject::Open(Box::new(Draft::new(loaded, Asked { facts, ..Asked::default() })))
}
