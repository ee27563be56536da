//! `ledger operators`.

use ledger_core::Label;
use ledger_service::app::{OperatorRole, create_operator};
use serde_json::json;

use super::{Actor, Session};

#[derive(clap::Subcommand)]
pub(super) enum Verb {
    /// Make an operator, and print the key: it is shown this once.
    Create(Options),
}

#[derive(clap::Args)]
pub(super) struct Options {
    /// Who it is.
    name: Label,
    /// What they may do: admin, cashier or auditor.
    #[arg(long, default_value = "admin", value_parser = |name: &str| OperatorRole::try_from(name.to_owned()))]
    role: OperatorRole,
    #[command(flatten)]
    actor: Actor,
}

pub(super) async fn run(session: &Session<'_>, verb: Verb) -> anyhow::Result<bool> {
    let Verb::Create(Options { name, role, actor }) = verb;
    let key = create_operator(session.database.owner_url(), name, role, actor.by).await?;
    if session.json {
        Session::print_json(&json!({ "key": key.reveal() }))?;
    } else {
        println!("{}", key.reveal());
    }
    Ok(true)
}
