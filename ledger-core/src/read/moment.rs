//! Where in an account's stream a moment lies. There is no index on time: it would cost every charge a write.

use chrono::DateTime;
use sqlx::PgConnection;

use crate::{
    domain::{entry::Timestamp, ids::AccountId},
    error::LedgerError,
    journal::stream::{bigint, natural},
};

/// Halves the stream in the server, because times do not decrease along it: one look at the primary key for each step.
/// `limit 1` keeps the planner from reading a whole stream and joining it instead.
const HALVE: &str = "
with recursive halves (low, high) as (
    select 0::bigint, $2 + 1
    union all
    select case when e.earlier then e.sequence else low end, case when e.earlier then high else e.sequence end
    from halves
    cross join lateral (
        select sequence, recorded_at < $3 as earlier from events
        where aggregate_id = $1 and sequence = (low + high) / 2 limit 1
    ) e
    where high - low > 1
)
select low, high from halves order by high - low limit 1";

/// The version that the account had just before a moment: that of the last entry recorded earlier, 0 if none was. Looks at
/// the entries up to `last`.
pub(super) async fn version_before(
    connection: &mut PgConnection,
    account: AccountId,
    last: u64,
    moment: Timestamp,
) -> Result<u64, LedgerError> {
    if moment <= DateTime::UNIX_EPOCH {
        return Ok(0); // Nothing was recorded then, and PostgreSQL does not know every year that chrono does.
    }
    let halved = sqlx::query_as(HALVE).bind(account.to_string()).bind(bigint(last)).bind(moment);
    let (low, high): (i64, i64) = halved.fetch_one(connection).await?;
    if high - low > 1 {
        // The entry in the middle is missing.
        return Err(super::lines::broken(account, natural(i64::midpoint(low, high))?));
    }
    Ok(natural(low)?)
}
