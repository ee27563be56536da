//! `ledger replay`.

use clap::Args;
use ledger_core::{Difference, Replay, Replayed};
use serde::Serialize;

use super::{Actor, Session};

#[derive(Args)]
pub(super) struct Options {
    /// Only compare, and mend nothing.
    #[arg(long)]
    verify: bool,
    #[command(flatten)]
    actor: Actor,
}

#[derive(Serialize)]
struct Answer {
    equal: bool,
    #[serde(flatten)]
    replayed: Replayed,
    differences: Vec<Found>,
}

#[derive(Serialize)]
struct Found {
    mended: bool,
    #[serde(flatten)]
    difference: Difference,
}

pub(super) async fn run(session: &Session<'_>, options: Options) -> anyhow::Result<bool> {
    let Options { verify, actor: Actor { by } } = options;
    let replay = if verify { Replay::Verify } else { Replay::Mend(by) };
    let (auditor, bar) = session.auditor().await?;
    let mut differences = Vec::new();
    let found = |difference: &Difference, mended: bool| {
        if session.json {
            differences.push(Found { mended, difference: difference.clone() });
        } else {
            bar.print(&line(difference, mended));
        }
    };
    let replayed = auditor.replay(&replay, found).await;
    bar.clear();
    let replayed = replayed?;
    let equal = replayed.is_equal();
    if session.json {
        Session::print_json(&Answer { equal, replayed, differences })?;
    } else {
        println!("{}", summary(&replayed));
    }
    Ok(equal)
}

fn line(difference: &Difference, mended: bool) -> String {
    let place = match difference {
        Difference::Broken { account, sequence, .. } => format!("account {account}, entry {sequence}"),
        Difference::Ahead { account, journal, .. } => format!("account {account}, entry {}", journal + 1),
        Difference::Missing { account }
        | Difference::Unreadable { account, .. }
        | Difference::Differs { account, .. } => format!("account {account}"),
    };
    format!("{place}: {difference}{}", if mended { "; mended" } else { "" })
}

fn summary(replayed: &Replayed) -> String {
    let Replayed { accounts, entries, different, mended } = replayed;
    let judgement = match (different, mended) {
        (0, _) => "all balances are equal".to_owned(),
        (different, mended) if different == mended => {
            format!("{different} balances differed, all are mended")
        }
        (different, mended) => format!("{different} BALANCES DIFFER, {mended} of them are mended"),
    };
    format!("Accounts: {accounts}. Entries: {entries}. Rebuilt from the journal: {judgement}.")
}
