//! Database time plus monotonic drift: no wall clock of this process ever decides anything.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::PgConnection;

use crate::domain::entry::{Timestamp, microseconds};

/// After this long without an append the database is asked again.
const ANCHOR_AGE_MAX: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(crate) struct Clock {
    anchor: Mutex<Option<(Timestamp, Instant)>>,
}

impl Clock {
    /// Now. Most calls cost nothing: every append brings the time with it.
    pub(crate) async fn read(&self, connection: &mut PgConnection) -> sqlx::Result<Timestamp> {
        if let Some((time, read_at)) = *self.anchor.lock().unwrap_or_else(PoisonError::into_inner)
            && read_at.elapsed() < ANCHOR_AGE_MAX
        {
            return Ok(microseconds(time + read_at.elapsed()));
        }
        let now = sqlx::query_scalar("select clock_timestamp()").fetch_one(connection).await?;
        self.set(now);
        Ok(now)
    }

    pub(crate) fn set(&self, now: Timestamp) {
        *self.anchor.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Instant::now()));
    }
}
