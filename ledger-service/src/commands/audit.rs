//! `ledger audit`.

use clap::Args;

use super::{Actor, Session};

#[derive(Args)]
pub(super) struct Options {
    /// Take accounts whose stream or balance does not hold out of service.
    #[arg(long)]
    quarantine: bool,
    #[command(flatten)]
    actor: Actor,
}

pub(super) async fn run(session: &Session<'_>, options: Options) -> anyhow::Result<bool> {
    let Options { quarantine, actor: Actor { by } } = options;
    let (auditor, bar) = session.auditor().await?;
    let verdict = if quarantine { auditor.audit_and_quarantine().await } else { auditor.audit().await };
    bar.clear();
    let verdict = verdict?;
    if let Err(error) = auditor.record(&verdict, &by).await {
        // Such as on a standby, which can be read and not written.
        eprintln!("ledger: the audit is not on record: {error}");
    }
    if session.json {
        Session::print_json(&verdict)?;
    } else {
        print!("{verdict}");
    }
    Ok(verdict.is_sound())
}
