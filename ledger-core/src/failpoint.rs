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
    pub(crate) async fn reach(&self, _: &'static str) -> sqlx::Result<()> {
        Ok(())
    }
}

#[cfg(feature = "failpoints")]
pub use self::gates::{Failpoints, Gate};

#[cfg(feature = "failpoints")]
mod gates {
    use std::{
        collections::HashMap,
        io,
        sync::{Arc, Mutex},
    };

    use tokio::sync::Semaphore;

    /// The gates of one ledger.
    #[derive(Clone, Default)]
    pub struct Failpoints {
        armed: Arc<Mutex<HashMap<&'static str, Action>>>,
    }

    /// What happens to the first lane that comes to a place.
    #[derive(Clone)]
    enum Action {
        Stop(Gate),
        Lose,
        Panic,
    }

    /// A closed gate: the first lane that comes to it stops until it is opened.
    #[derive(Clone)]
    pub struct Gate {
        arrived: Arc<Semaphore>,
        opened: Arc<Semaphore>,
    }

    impl Failpoints {
        /// Closes the gate of that name for the next lane that comes to it.
        #[must_use]
        pub fn close(&self, name: &'static str) -> Gate {
            let gate = Gate { arrived: Arc::new(Semaphore::new(0)), opened: Arc::new(Semaphore::new(0)) };
            self.arm(name, Action::Stop(gate.clone()));
            gate
        }

        /// The next lane that comes to this place goes on as if the database's answer had been lost there.
        pub fn lose(&self, name: &'static str) {
            self.arm(name, Action::Lose);
        }

        /// The next lane that comes to this place panics.
        pub fn panic(&self, name: &'static str) {
            self.arm(name, Action::Panic);
        }

        fn arm(&self, name: &'static str, action: Action) {
            self.armed.lock().expect("no test panics while it arms a gate").insert(name, action);
        }

        pub(crate) async fn reach(&self, name: &'static str) -> sqlx::Result<()> {
            let action = self.armed.lock().expect("no test panics while it arms a gate").remove(name);
            match action {
                None => Ok(()),
                Some(Action::Stop(gate)) => {
                    gate.arrived.add_permits(1);
                    gate.opened.acquire().await.expect("the gate is never closed for good").forget();
                    Ok(())
                }
                Some(Action::Lose) => Err(io::Error::from(io::ErrorKind::ConnectionReset).into()),
                Some(Action::Panic) => panic!("a test asked for it at {name}"),
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
