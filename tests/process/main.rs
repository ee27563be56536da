//! The program itself, as a machine's owner runs it: started, killed, started again, on a PostgreSQL of its own.
//!
//! Each test has a data directory to itself. Nothing here uses `DATABASE_URL`.

mod client;
mod crashes;
mod demo;
mod machine;
mod restarts;
mod starts;
