//! What `ledger` can be asked on the command line. The noun is the file; each returns whether what was asked holds.

mod acknowledge;
mod audit;
mod credentials;
mod demo;
mod explain;
mod export;
mod migrate;
mod operators;
mod progress;
mod release;
mod repair;
mod replay;
mod selection;
mod serve;
mod trial_balance;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use ledger_core::{Auditor, Label};
use ledger_service::{config::DatabaseUrl, postgres::Database};
use serde::Serialize;

pub(crate) use self::explain::explain;
use self::progress::Bar;

/// A billing ledger: double entry, event-sourced, on PostgreSQL.
#[derive(Parser)]
#[command(
    name = "ledger",
    version,
    after_help = "Exit code: 0 when what was asked holds, 1 when not, 2 on trouble."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Args)]
struct Settings {
    /// The database, as ledger_service; for `migrate` and `operators`, as its owner. The private PostgreSQL if absent.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true, value_name = "URL")]
    database_url: Option<DatabaseUrl>,
    /// Where the private PostgreSQL is kept.
    #[arg(long, env = "LEDGER_DATA_DIR", global = true, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
    /// Answer in JSON.
    #[arg(long, global = true)]
    json: bool,
}

/// What a command works on.
struct Session<'a> {
    database: &'a Database,
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the HTTP API, until SIGTERM or Ctrl-C.
    Serve(serve::ServeArgs),
    /// Bill a usage file through HTTP, and have the books proved.
    Demo(demo::DemoArgs),
    #[command(flatten)]
    Books(Books),
}

/// What works on the database itself, beside a service or without one.
#[derive(Subcommand)]
enum Books {
    /// Make or update the tables.
    Migrate,
    /// Make an operator on the machine itself, when nobody is left who could do it over HTTP.
    #[command(subcommand)]
    Operators(operators::Verb),
    /// Prove the books, and say where they are wrong.
    Audit(audit::Options),
    /// Say of findings of the audit that they are explained.
    Acknowledge(acknowledge::Options),
    /// Rebuild all balances from the journal beside the live ones, and mend those that differ.
    Replay(replay::Options),
    /// Mend the balance of one account from the journal.
    Repair(repair::Options),
    /// Let an account out of quarantine, once what was seen of it is explained.
    Release(release::Options),
    /// Write the journal, or a part of it, for another tool.
    Export(export::Options),
    /// What every account of the chart holds, and what moved it in a period.
    TrialBalance(trial_balance::Options),
}

/// In whose name something is done.
#[derive(Args)]
struct Actor {
    /// Who does it, for the record.
    #[arg(long, env = "USER", default_value = "operator", value_name = "NAME")]
    by: Label,
}

/// Whose judgement it is, and why. Nobody but a person has one, so there is no default.
#[derive(Args)]
struct Judgement {
    /// Why, for the record.
    #[arg(long, value_name = "TEXT")]
    reason: Label,
    /// Who says so, for the record.
    #[arg(long, value_name = "NAME")]
    by: Label,
}

impl Cli {
    pub(crate) async fn run(self) -> anyhow::Result<bool> {
        let Settings { database_url, data_dir, json } = self.settings;
        let url = database_url.as_ref().map(DatabaseUrl::reveal);
        match self.command {
            Command::Serve(args) => serve::serve(args).await.map(|()| true),
            Command::Demo(args) => demo::demo(args).await,
            Command::Books(books) => {
                let work = async |database: &Database| books.run(&Session { database, json }).await;
                Database::during(url, data_dir.as_deref(), work).await
            }
        }
    }
}

impl Books {
    async fn run(self, session: &Session<'_>) -> anyhow::Result<bool> {
        match self {
            Self::Migrate => migrate::run(session).await,
            Self::Operators(verb) => operators::run(session, verb).await,
            Self::Audit(options) => audit::run(session, options).await,
            Self::Acknowledge(options) => acknowledge::run(session, options).await,
            Self::Replay(options) => replay::run(session, options).await,
            Self::Repair(options) => repair::run(session, options).await,
            Self::Release(options) => release::run(session, options).await,
            Self::Export(options) => export::run(session, options).await,
            Self::TrialBalance(options) => trial_balance::run(session, options).await,
        }
    }
}

impl Session<'_> {
    /// An auditor that shows how far it has come, where somebody is looking.
    async fn auditor(&self) -> anyhow::Result<(Auditor, Bar)> {
        let bar = Bar::new();
        let auditor = Auditor::connect(self.database.url()).await?.watched_by(bar.watch());
        Ok((auditor, bar))
    }

    fn print_json(answer: &impl Serialize) -> anyhow::Result<()> {
        println!("{}", serde_json::to_string_pretty(answer)?);
        Ok(())
    }
}
