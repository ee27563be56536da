//! `ledger release`.

use anyhow::bail;
use clap::Args;
use ledger_core::{AccountId, AuditorError, LedgerError};
use serde_json::json;

use super::{Judgement, Session};

#[derive(Args)]
pub(super) struct Options {
    /// The account's id.
    account: AccountId,
    #[command(flatten)]
    judgement: Judgement,
}

pub(super) async fn run(session: &Session<'_>, options: Options) -> anyhow::Result<bool> {
    let Options { account, judgement: Judgement { reason, by } } = options;
    let (auditor, _) = session.auditor().await?;
    let released = auditor.release(account, &by, &reason).await;
    if let Err(AuditorError::Ledger(LedgerError::NotFound)) = released {
        bail!("there is no account {account}");
    }
    let released = released?;
    match released {
        _ if session.json => Session::print_json(&json!({ "account": account, "released_from": released }))?,
        Some(seen) => {
            println!("account {account} is in service again; it was out of it because of this: {seen}")
        }
        None => println!("account {account} is in service; there is nothing to release it from"),
    }
    Ok(true)
}
