//! Reading: balances, entries and statements, each in one transaction that sees one realm; and erasing a note.

pub(crate) mod accounts;
pub(crate) mod balance;
pub(crate) mod entries;
pub(crate) mod lines;
mod moment;
mod note;
pub(crate) mod overview;
mod place;
pub(crate) mod statement;
