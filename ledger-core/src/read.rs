//! Reading: balances, entries and statements, each in one transaction that sees one realm; and erasing a note.

pub(crate) mod balance;
pub(crate) mod entries;
mod moment;
mod note;
pub(crate) mod statement;
