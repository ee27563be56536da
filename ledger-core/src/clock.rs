//! Database time plus monotonic drift: no wall clock of this process ever decides anything.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::domain::entry::{Timestamp, microseconds};

/// Set by every append, and by a ticker while there is none.
pub(crate) struct Clock {
    anchor: Mutex<(Timestamp, Instant)>,
}

impl Clock {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { anchor: Mutex::new((now, Instant::now())) }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let (time, read_at) = *self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        microseconds(time + read_at.elapsed())
    }

    pub(crate) fn set(&self, now: Timestamp) {
        *self.anchor.lock().unwrap_or_else(PoisonError::into_inner) = (now, Instant::now());
    }

    /// Whether the database has not told the time for so long.
    pub(crate) fn is_older_than(&self, age: Duration) -> bool {
        self.anchor.lock().unwrap_or_else(PoisonError::into_inner).1.elapsed() > age
    }
}
