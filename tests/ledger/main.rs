//! The ledger as a library, on a real PostgreSQL, as the unprivileged role.

mod accounts;
mod acknowledgements;
mod audit;
mod cli;
mod cqrs;
mod entries;
mod erasure;
mod export;
mod faults;
mod finding;
mod keys;
mod locks;
mod migrations;
mod out_of_range;
mod processes;
mod quarantine;
mod races;
mod realms;
mod replay;
mod rounds;
mod snapshots;
mod statements;
mod tamper;
mod unreadable;
mod usage;
mod witness;
