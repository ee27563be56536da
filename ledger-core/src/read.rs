//! Reading: balances, entries and statements, each in a transaction that sees one realm.

pub(crate) mod balance;
pub(crate) mod statement;
