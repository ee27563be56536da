//! The journal in PostgreSQL, for the lanes. Beside these files only three write to its tables: `read/note.rs` erases notes,
//! `audit/repair.rs` mends a balance row or lifts a quarantine, and `probe.rs` leaves nothing.

mod append;
pub(crate) mod decode;
mod load;
mod outcomes;
pub(crate) mod stream;
pub(crate) mod tx;

pub(crate) use self::{
    append::{AppendError, Commit, Move, Refusal, append},
    load::{Balance, fetch_balances, fetch_facts, follow_events, lock_balances, quarantine},
    outcomes::{fetch_outcomes, forget_refusals},
};

/// How long a refusal is its key's outcome.
pub const REFUSAL_DAYS: i64 = 30;
/// How many refusals of one account are remembered; beyond it the oldest are forgotten early.
pub const REFUSALS_PER_ACCOUNT_MAX: i64 = 100_000;
