//! `ledger repair`.

use anyhow::bail;
use clap::Args;
use ledger_core::{AccountId, AuditorError, LedgerError, Repaired};
use serde::Serialize;

use super::{Actor, Session};

#[derive(Args)]
pub(super) struct Options {
    /// The account's id.
    account: AccountId,
    #[command(flatten)]
    actor: Actor,
}

#[derive(Serialize)]
struct Answer {
    account: AccountId,
    #[serde(flatten)]
    repaired: Repaired,
}

pub(super) async fn run(session: &Session<'_>, options: Options) -> anyhow::Result<bool> {
    let Options { account, actor: Actor { by } } = options;
    let (auditor, _) = session.auditor().await?;
    let repaired = auditor.repair(account, &by).await;
    if let Err(AuditorError::Ledger(LedgerError::NotFound)) = repaired {
        bail!("there is no account {account}");
    }
    let repaired = repaired?;
    if session.json {
        Session::print_json(&Answer { account, repaired })?;
        return Ok(true);
    }
    match repaired.difference {
        Some(difference) => println!("account {account}: {difference}; mended"),
        None => println!("account {account}: the balance is what the journal comes to; nothing to mend"),
    }
    if let Some(reason) = repaired.quarantine {
        println!("It stays out of service: {reason}. `ledger release` lets it back, once that is explained.");
    }
    Ok(true)
}
