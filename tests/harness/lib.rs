//! What every test stands on: a fresh database on a real PostgreSQL, a ledger on it as the unprivileged role, and the audit.
#![expect(missing_docs, reason = "a test's tools are read where they are used")]

mod books;
mod database;
mod programs;
pub mod service;
mod usage;

pub use self::{
    books::{Books, amount, key, label, money, usd},
    database::TestDb,
    programs::program,
    usage::Usage,
};
