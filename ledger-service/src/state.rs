//! What all requests share: the ledger, the store, and how much the service takes upon itself. Knows no route.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ledger_core::{Ledger, LedgerError};
use tokio::sync::{Mutex, Semaphore};

use crate::{config::Limits, store::Store};

/// Whoever asks more often whether the service is ready is told what was found before.
const PROBE_PAUSE: Duration = Duration::from_millis(500);

/// Cheap to clone; every clone is the same.
#[derive(Clone)]
pub(crate) struct Shared {
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

impl Shared {
    pub(crate) fn new(ledger: Ledger, store: Store, limits: Limits) -> Self {
        let capacity = Arc::new(Semaphore::new(limits.requests_max));
        Self { inner: Arc::new(Inner { ledger, store, limits, capacity, probed_at: Mutex::default() }) }
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
}
