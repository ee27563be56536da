//! The program `ledger`.

mod commands;

use std::process::ExitCode;

use clap::Parser;

use self::commands::{Cli, explain};

/// Requests and events are many small pieces of memory that go from one thread to another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What was asked for holds, or was done.
const HOLDS: u8 = 0;
/// It does not hold.
const DOES_NOT_HOLD: u8 = 1;
/// It could not be found out, or was not asked for in a way that is understood; clap uses the same.
const TROUBLE: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    let code = match Cli::parse().run().await {
        Ok(true) => HOLDS,
        Ok(false) => DOES_NOT_HOLD,
        Err(error) => {
            eprintln!("ledger: {}", explain(&error));
            TROUBLE
        }
    };
    code.into()
}
