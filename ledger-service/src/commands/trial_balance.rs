//! `ledger trial-balance`.

use clap::Args;

use super::{Session, selection::Selected};

#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    selected: Selected,
}

pub(super) async fn run(session: &Session<'_>, options: Options) -> anyhow::Result<bool> {
    let (auditor, _) = session.auditor().await?;
    let trial_balances = auditor.trial_balances(&options.selected.selection()?).await?;
    if session.json {
        Session::print_json(&trial_balances)?;
    } else {
        let texts: Vec<_> = trial_balances.iter().map(ToString::to_string).collect();
        print!("{}", texts.join("\n"));
    }
    Ok(true)
}
