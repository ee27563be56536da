//! The service in one process: the ledger, the store, and what their requests share.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::Router;
use ledger_core::{Ledger, LedgerError};
use tokio::{
    net::TcpListener,
    sync::{Mutex, Semaphore},
};

use crate::{config::Limits, router, secret::Secret, server, store::Store, telemetry};

/// Whoever asks more often whether the service is ready is told what was found before.
const PROBE_PAUSE: Duration = Duration::from_millis(500);

/// The reference of all routes, OpenAPI as JSON: what `/openapi.json` serves.
///
/// # Panics
/// Never: a reference is plain JSON.
#[must_use]
pub fn reference() -> String {
    router::reference().to_json().expect("a reference is plain JSON")
}

/// The running service. Cheap to clone; every clone is the same service.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

struct Inner {
    ledger: Ledger,
    store: Store,
    limits: Limits,
    capacity: Arc<Semaphore>,
    /// When a probe last went well.
    probed_at: Mutex<Option<Instant>>,
}

impl App {
    /// Starts the service on a ledger and the database that it stands on.
    ///
    /// # Errors
    /// [`LedgerError::Unsafe`] when the url is none.
    pub fn start(ledger: Ledger, database_url: &str, limits: Limits) -> Result<Self, LedgerError> {
        telemetry::install_metrics();
        let store = Store::connect(database_url)?;
        let capacity = Arc::new(Semaphore::new(limits.requests_max));
        Ok(Self { inner: Arc::new(Inner { ledger, store, limits, capacity, probed_at: Mutex::default() }) })
    }

    /// Everything that it answers.
    pub fn router(&self) -> Router {
        router::router(self)
    }

    /// Makes the first operator, an admin with this key, unless there is an operator already. Says whether it did.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] when the database does not answer.
    pub async fn seed_operator(&self, key: &Secret) -> Result<bool, LedgerError> {
        self.store().insert_first_operator(key.digest()).await.map_err(Into::into)
    }

    /// Whether anybody could administer this service.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] when the database does not answer.
    pub async fn has_operators(&self) -> Result<bool, LedgerError> {
        self.store().has_operators().await.map_err(Into::into)
    }

    /// Serves until `stop`, then answers what is in flight.
    pub async fn serve(&self, listener: TcpListener, stop: impl Future<Output = ()>) {
        server::serve(listener, self.router(), self.limits(), stop).await;
    }

    /// Answers what waits in the lanes, and hangs up on the database.
    pub async fn close(&self) {
        self.ledger().close().await;
        self.store().close().await;
    }

    /// Whether it can write, found out by writing; asked of the database once in a while, however often it is asked here.
    pub(crate) async fn probe(&self) -> Result<(), LedgerError> {
        let mut probed_at = self.inner.probed_at.lock().await;
        if probed_at.is_some_and(|at| at.elapsed() < PROBE_PAUSE) {
            return Ok(());
        }
        *probed_at = None;
        self.ledger().probe().await?;
        *probed_at = Some(Instant::now());
        Ok(())
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.inner.ledger
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    pub(crate) fn limits(&self) -> Limits {
        self.inner.limits
    }

    pub(crate) fn capacity(&self) -> &Arc<Semaphore> {
        &self.inner.capacity
    }
}
