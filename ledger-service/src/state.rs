//! What all requests share: the ledger, the store, and how much the service takes upon itself. Knows no route.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ledger_core::{Ledger, LedgerError};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::{config::Limits, shares::Shares, store::Store};

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
    /// Requests at work, by credential.
    requests: Shares<Uuid>,
    /// Bytes of bodies that are coming or being read, by credential.
    bodies: Shares<Uuid>,
    /// When a probe last went well.
    probed_at: Mutex<Option<Instant>>,
}

impl Shared {
    pub(crate) fn new(ledger: Ledger, store: Store, limits: Limits) -> Self {
        let (requests, bodies) = (Shares::new(limits.requests_max), Shares::new(limits.bodies_bytes_max));
        let inner = Inner { ledger, store, limits, requests, bodies, probed_at: Mutex::default() };
        Self { inner: Arc::new(inner) }
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

    pub(crate) fn requests(&self) -> &Shares<Uuid> {
        &self.inner.requests
    }

    pub(crate) fn bodies(&self) -> &Shares<Uuid> {
        &self.inner.bodies
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
