//! `ledger acknowledge`.

use clap::Args;

use super::{Judgement, Session};

#[derive(Args)]
pub(super) struct Options {
    /// Their names, as `ledger audit` shows them in brackets.
    #[arg(required = true, value_name = "FINDING")]
    findings: Vec<String>,
    #[command(flatten)]
    judgement: Judgement,
}

pub(super) async fn run(session: &Session<'_>, options: Options) -> anyhow::Result<bool> {
    let Options { findings, judgement: Judgement { reason, by } } = options;
    let (auditor, bar) = session.auditor().await?;
    let acknowledged = auditor.acknowledge(&findings, &by, &reason).await;
    bar.clear();
    let acknowledged = acknowledged?;
    if session.json {
        Session::print_json(&acknowledged)?;
    } else {
        acknowledged.iter().for_each(|finding| println!("acknowledged: {finding}"));
    }
    Ok(true)
}
