//! The program itself, as a machine's owner runs it: started, killed, started again, on a PostgreSQL of its own.
//!
//! Each test has a data directory to itself. Only the pair shares a database.

mod client;
mod crashes;
mod demo;
mod flood;
mod machine;
mod pair;
mod restarts;
mod starts;
