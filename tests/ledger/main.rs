//! The ledger as a library, on a real PostgreSQL, as the unprivileged role.

mod accounts;
mod cqrs;
mod erasure;
mod keys;
mod races;
mod realms;
mod usage;
