//! What an account is and what can happen to it. Pure: no async, no sqlx, no tokio, no clock, and nothing of the crate above it.

pub(crate) mod account;
pub(crate) mod chain;
pub(crate) mod chart;
pub(crate) mod entry;
pub(crate) mod ids;
pub(crate) mod limits;
pub(crate) mod money;
pub(crate) mod projection;
pub(crate) mod request;
