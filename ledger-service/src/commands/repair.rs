//! `ledger repair`.

use anyhow::bail;
use clap::Args;
use ledger_core::{AccountId, AuditorError, LedgerError};
use serde_json::json;

use super::{Actor, Session};

#[derive(Args)]
pub(super) struct Options {
    /// The account's id.
    account: AccountId,
    #[command(flatten)]
    actor: Actor,
}

pub(super) async fn run(session: &Session<'_>, options: Options) -> anyhow::Result<bool> {
    let Options { account, actor: Actor { actor } } = options;
    let (auditor, _) = session.auditor().await?;
    let repaired = auditor.repair(account, &actor).await;
    if let Err(AuditorError::Ledger(LedgerError::NotFound)) = repaired {
        bail!("there is no account {account}");
    }
    let difference = repaired?;
    match difference {
        _ if session.json => Session::print_json(&json!({ "account": account, "mended": difference }))?,
        Some(difference) => println!("account {account}: {difference}; mended"),
        None => println!("account {account}: the balance is what the journal comes to; nothing to mend"),
    }
    Ok(true)
}
