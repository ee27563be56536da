//! The journal in PostgreSQL, for the lanes. Who else writes to its tables stands in the list of owners in `tests/tidy`.

mod append;
pub(crate) mod columns;
pub(crate) mod decode;
mod facts;
mod load;
mod loaded;
mod mend;
mod outcomes;
mod server;
mod snapshot;
pub(crate) mod stream;
pub(crate) mod tx;

use chrono::TimeDelta;

#[cfg(feature = "failpoints")]
pub use self::append::append_statements;
pub(crate) use self::{
    append::{AppendError, Base, Commit, Fence, Move, Refusal, append, fence},
    facts::fetch_facts,
    load::{Disagreement, Found, TAIL_EVENTS_MAX, fetch_rows, load, lock_rows, read_stream, unlocked_rows},
    loaded::{Loaded, Mark},
    mend::{Extent, mend_row, quarantine},
    outcomes::{Found as KeyFound, KeyOf, fetch_outcomes, forget_refusals, sweep_refusals},
    server::Server,
    snapshot::{SNAPSHOT_EVENTS, Snapshot},
};
use crate::domain::entry::Timestamp;

/// How long a refusal is its key's outcome.
pub const REFUSAL_DAYS: i64 = 30;
/// How many refusals of one account are remembered; beyond it the oldest are forgotten early.
pub const REFUSALS_PER_ACCOUNT_MAX: i64 = 100_000;

/// Refusals of that moment and of all before it are forgotten.
pub(crate) fn forgotten_before(now: Timestamp) -> Timestamp {
    now - TimeDelta::days(REFUSAL_DAYS)
}
