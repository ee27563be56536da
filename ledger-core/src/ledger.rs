//! The façade: what an embedder or the service can ask of the ledger.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use sqlx::PgPool;
use tokio::{
    sync::{mpsc, oneshot},
    task::{AbortHandle, JoinHandle},
};

use crate::{
    caller::Call,
    chores::{self, Chores},
    clock::Clock,
    domain::{
        account::{Charge, ChargeBack, Command, Open, Refund, RefundTopUp, TopUp},
        ids::AccountId,
    },
    error::LedgerError,
    failpoint::Failpoints,
    lane::{ERRANDS_MAX, LANE_QUEUE_MAX, Lane, Shared},
    outcome::Receipt,
    pools::{self, Role},
    round::{
        Job,
        request::{Intent, Request},
    },
};

/// Lanes of one process. Two keep both cores of a small machine and its PostgreSQL busy.
const LANES: usize = 2;
/// Connections for what lanes send for, for chores and the clock. Each lane has one more of its own.
const WRITER_CONNECTIONS: u32 = (LANES * ERRANDS_MAX) as u32 + 2;
/// Connections for reads.
const READ_CONNECTIONS: u32 = 4;
/// Connections for lists across realms: few ask for them, and each may read much.
const LIST_CONNECTIONS: u32 = 2;

/// The ledger, in this process. Cheap to clone; every clone is the same ledger.
#[derive(Clone)]
pub struct Ledger {
    inner: Arc<Inner>,
}

struct Inner {
    lanes: RwLock<Vec<mpsc::Sender<Job>>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    ticker: AbortHandle,
    writer: PgPool,
    app: PgPool,
    auth: PgPool,
    eraser: PgPool,
    lists: PgPool,
    #[cfg(feature = "failpoints")]
    failpoints: Failpoints,
    #[cfg(feature = "failpoints")]
    clock: Arc<Clock>,
}

impl Ledger {
    /// Starts a ledger on a migrated database, logging in as an unprivileged role such as `ledger_service`.
    ///
    /// # Errors
    /// [`LedgerError::Unsafe`] for a login that could see through row security, or a server that could lose what it
    /// acknowledged; [`LedgerError::Unavailable`] when the database does not answer.
    pub async fn connect(url: &str) -> Result<Self, LedgerError> {
        let options = pools::parse(url)?;
        let writer = pools::pool(&options, Role::Writer, WRITER_CONNECTIONS);
        pools::check_safety(&writer).await?;
        let (server, now) = chores::identify(&writer).await?;
        let clock = Arc::new(Clock::new(now));
        let (chores, to_do) = Chores::new();
        let shared = Shared {
            pool: writer.clone(),
            options: pools::as_role(&options, Role::Writer),
            clock: clock.clone(),
            chores,
            failpoints: Failpoints::default(),
        };
        let start = |_| {
            let (jobs, waiting) = mpsc::channel(LANE_QUEUE_MAX);
            (jobs, tokio::spawn(Lane::new(shared.clone(), server.clone()).run(waiting)))
        };
        let (lanes, mut tasks): (Vec<_>, Vec<_>) = (0..LANES).map(start).unzip();
        tasks.push(tokio::spawn(chores::run(writer.clone(), clock.clone(), to_do)));
        let inner = Inner {
            lanes: RwLock::new(lanes),
            tasks: Mutex::new(tasks),
            ticker: tokio::spawn(chores::tick(writer.clone(), clock)).abort_handle(),
            app: pools::pool(&options, Role::App, READ_CONNECTIONS),
            auth: pools::pool(&options, Role::Auth, READ_CONNECTIONS),
            eraser: pools::pool(&options, Role::Eraser, 1),
            lists: pools::pool(&options, Role::Lists, LIST_CONNECTIONS),
            writer,
            #[cfg(feature = "failpoints")]
            failpoints: shared.failpoints,
            #[cfg(feature = "failpoints")]
            clock: shared.clock,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Opens the account of an owner in a currency.
    ///
    /// # Errors
    /// `account_exists` when it is open; [`LedgerError::NotFound`] when the caller is of another realm.
    pub async fn open(&self, call: &Call<'_>, open: Open) -> Result<Receipt, LedgerError> {
        if call.caller.realm.is_some_and(|realm| realm != open.owner.realm()) {
            return Err(LedgerError::NotFound);
        }
        self.submit(call, AccountId::of(open.owner, open.currency), Command::Open(open)).await
    }

    /// Books money that has come in.
    ///
    /// # Errors
    /// As every command: see [`LedgerError`].
    pub async fn top_up(
        &self,
        call: &Call<'_>,
        account: AccountId,
        top_up: TopUp,
    ) -> Result<Receipt, LedgerError> {
        self.expect_visible(call.caller, account, top_up.currency).await?;
        self.submit(call, account, Command::TopUp(top_up)).await
    }

    /// Charges for usage.
    ///
    /// # Errors
    /// `insufficient_funds` when the price is more than what is available.
    pub async fn charge(
        &self,
        call: &Call<'_>,
        account: AccountId,
        charge: Charge,
    ) -> Result<Receipt, LedgerError> {
        self.expect_visible(call.caller, account, charge.currency).await?;
        self.submit(call, account, Command::Charge(charge)).await
    }

    /// Gives a charge back, wholly or in part.
    ///
    /// # Errors
    /// `refund_exceeds_charge` when all refunds together would be more than the charge; [`LedgerError::NotFound`] or
    /// `charge_not_found` when there is no such charge.
    pub async fn refund(&self, call: &Call<'_>, refund: Refund) -> Result<Receipt, LedgerError> {
        let account = self.place_of(call.caller, refund.charge).await?.1;
        self.submit(call, account, Command::Refund(refund)).await
    }

    /// Pays a top-up out again, wholly or in part, as far as the money is still there.
    ///
    /// # Errors
    /// `refund_exceeds_top_up`, `insufficient_funds`; [`LedgerError::NotFound`] or `top_up_not_found`.
    pub async fn refund_top_up(&self, call: &Call<'_>, refund: RefundTopUp) -> Result<Receipt, LedgerError> {
        let account = self.place_of(call.caller, refund.top_up).await?.1;
        self.submit(call, account, Command::RefundTopUp(refund)).await
    }

    /// Books a top-up that a bank has taken back. What the account cannot cover becomes forced debt.
    ///
    /// # Errors
    /// `refund_exceeds_top_up`; [`LedgerError::NotFound`] or `top_up_not_found`.
    pub async fn charge_back(
        &self,
        call: &Call<'_>,
        charge_back: ChargeBack,
    ) -> Result<Receipt, LedgerError> {
        let account = self.place_of(call.caller, charge_back.top_up).await?.1;
        self.submit(call, account, Command::ChargeBack(charge_back)).await
    }

    /// Answers everything that waits, then stops. Later calls are told to try again, elsewhere.
    pub async fn close(&self) {
        self.inner.lanes.write().unwrap_or_else(PoisonError::into_inner).clear();
        let tasks = std::mem::take(&mut *self.inner.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            // A lane that panicked has nothing left to answer.
            let _ = task.await;
        }
        let Inner { writer, app, auth, eraser, lists, .. } = &*self.inner;
        self.inner.ticker.abort();
        for pool in [writer, app, auth, eraser, lists] {
            pool.close().await;
        }
    }

    /// The gates of this ledger's lanes, for tests.
    #[cfg(feature = "failpoints")]
    #[must_use]
    pub fn failpoints(&self) -> &Failpoints {
        &self.inner.failpoints
    }

    /// Sets what this ledger takes for database time back, as a machine that has slept has it, for tests.
    #[cfg(feature = "failpoints")]
    pub fn set_clock_back(&self, by: chrono::TimeDelta) {
        let clock = &self.inner.clock;
        clock.set(clock.now() - by);
    }

    async fn submit(
        &self,
        call: &Call<'_>,
        account: AccountId,
        command: Command,
    ) -> Result<Receipt, LedgerError> {
        let request = Request {
            account,
            realm: call.caller.realm,
            key: call.key(&command),
            intent: Intent::Decide(command),
            metadata: call.metadata(),
            note: call.seal(),
            if_version: call.if_version,
            dry_run: call.dry_run,
        };
        self.enqueue(request).await
    }

    /// Hands a request to its lane and waits. Whoever stops waiting cancels nothing.
    pub(crate) async fn enqueue(&self, request: Request) -> Result<Receipt, LedgerError> {
        let (answer, answered) = oneshot::channel();
        {
            let lanes = self.inner.lanes.read().unwrap_or_else(PoisonError::into_inner);
            let lane = lane_of(request.account, lanes.len()).ok_or(LedgerError::Busy)?;
            lanes[lane]
                .try_send(Job { request: Arc::new(request), answer, attempts: 0, setbacks: 0 })
                .map_err(|_| LedgerError::Busy)?;
        }
        answered.await.map_err(|_| LedgerError::Unavailable(None))?
    }

    /// An account id in each lane's range that no account has: real ones are of version 5.
    pub(crate) fn first_of_each_lane(&self) -> Vec<AccountId> {
        let lanes = self.inner.lanes.read().unwrap_or_else(PoisonError::into_inner).len() as u128;
        let first = |lane: u128| AccountId(uuid::Uuid::from_u128((lane << 32).div_ceil(lanes) << 96));
        (0..lanes).map(first).collect()
    }

    pub(crate) fn writer(&self) -> &PgPool {
        &self.inner.writer
    }

    pub(crate) fn app(&self) -> &PgPool {
        &self.inner.app
    }

    pub(crate) fn eraser(&self) -> &PgPool {
        &self.inner.eraser
    }

    pub(crate) fn auth(&self) -> &PgPool {
        &self.inner.auth
    }

    pub(crate) fn lists(&self) -> &PgPool {
        &self.inner.lists
    }
}

/// The lane of an account: a range of its id's leading bits, which are a hash already. In one function, so that shards can
/// be aligned with it.
fn lane_of(account: AccountId, lanes: usize) -> Option<usize> {
    let hash = account.0.as_u128() >> 96;
    (lanes > 0).then(|| ((hash * lanes as u128) >> 32) as usize)
}
