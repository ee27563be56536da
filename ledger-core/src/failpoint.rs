//! Gates at named places of a ledger's lanes, for tests that force an order of events.
//!
//! Its own few lines and not the `fail` crate: that one is global to the process and blocks a thread, and a test needs to stop
//! one of two ledgers in the same process. Without the feature `failpoints` it is nothing at all.

#[cfg(not(feature = "failpoints"))]
#[derive(Clone, Default)]
pub(crate) struct Failpoints(());

#[cfg(not(feature = "failpoints"))]
impl Failpoints {
    #[expect(clippy::unused_async, reason = "the same shape as with the feature")]
    pub(crate) async fn reach(&self, _: &'static str) {}
}

#[cfg(feature = "failpoints")]
pub use self::gates::{Failpoints, Gate};

#[cfg(feature = "failpoints")]
mod gates {
    use std::{
        collections::HashMap,
        sync::{Arc, Mutex},
    };

    use tokio::sync::Semaphore;

    /// The gates of one ledger.
    #[derive(Clone, Default)]
    pub struct Failpoints {
        closed: Arc<Mutex<HashMap<&'static str, Gate>>>,
    }

    /// A closed gate: the first lane that comes to it stops until it is opened.
    #[derive(Clone)]
    pub struct Gate {
        arrived: Arc<Semaphore>,
        opened: Arc<Semaphore>,
    }

    impl Failpoints {
        /// Closes the gate of that name for the next lane that comes to it.
        ///
        /// # Panics
        /// If another test thread panicked while it held the same ledger's gates.
        #[must_use]
        pub fn close(&self, name: &'static str) -> Gate {
            let gate = Gate { arrived: Arc::new(Semaphore::new(0)), opened: Arc::new(Semaphore::new(0)) };
            self.closed.lock().unwrap().insert(name, gate.clone());
            gate
        }

        pub(crate) async fn reach(&self, name: &'static str) {
            let gate = self.closed.lock().unwrap().remove(name);
            if let Some(gate) = gate {
                gate.arrived.add_permits(1);
                gate.opened.acquire().await.expect("the gate is never closed for good").forget();
            }
        }
    }

    impl Gate {
        /// Waits until a lane stands at the gate.
        ///
        /// # Panics
        /// Never: the semaphore is not closed.
        pub async fn arrived(&self) {
            self.arrived.acquire().await.expect("the gate is never closed for good").forget();
        }

        /// Lets the lane go on.
        pub fn open(&self) {
            self.opened.add_permits(1);
        }
    }
}
