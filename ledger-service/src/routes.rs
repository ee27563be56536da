//! The handlers, by area, a file a noun. A handler reads what was sent, asks the ledger or the store, and says what came of it.

pub(crate) mod identity;
pub(crate) mod money;
pub(crate) mod platform;
