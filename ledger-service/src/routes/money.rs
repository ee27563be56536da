//! Accounts, and what moves money into them, between them and out of them.

pub(crate) mod accounts;
pub(crate) mod budget;
pub(crate) mod charges;
pub(crate) mod entries;
pub(crate) mod refunds;
pub(crate) mod statements;
pub(crate) mod top_ups;
