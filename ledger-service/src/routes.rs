//! The handlers, a file a noun. A handler reads what was sent, asks the ledger or the store, and says what came of it.

pub(crate) mod accounts;
pub(crate) mod budget;
pub(crate) mod charges;
pub(crate) mod entries;
pub(crate) mod gateways;
pub(crate) mod keys;
pub(crate) mod operations;
pub(crate) mod operators;
pub(crate) mod refunds;
pub(crate) mod statements;
pub(crate) mod tenants;
pub(crate) mod top_ups;
pub(crate) mod users;
