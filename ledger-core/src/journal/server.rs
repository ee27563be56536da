//! Which server a connection leads to: after a fail-over, what is remembered of the old one may never have happened.

use sqlx::{PgConnection, Row};

use crate::domain::entry::Timestamp;

/// A server's history. A standby that was promoted goes on with a new timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    system: i64,
    timeline: String,
}

const IDENTIFY: &str = "
select (select system_identifier from pg_control_system()) as system,
       substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) as timeline,
       clock_timestamp() as now";

impl Server {
    /// Which server this is, and what time it has. An error on one that only follows another.
    pub(crate) async fn identify(connection: &mut PgConnection) -> sqlx::Result<(Self, Timestamp)> {
        let row = sqlx::query(IDENTIFY).fetch_one(connection).await?;
        let server = Self { system: row.try_get("system")?, timeline: row.try_get("timeline")? };
        Ok((server, row.try_get("now")?))
    }
}
