//! `ledger audit`.

use super::Session;

pub(super) async fn run(session: &Session<'_>) -> anyhow::Result<bool> {
    let (auditor, bar) = session.auditor().await?;
    let verdict = auditor.audit().await;
    bar.clear();
    let verdict = verdict?;
    if session.json {
        Session::print_json(&verdict)?;
    } else {
        print!("{verdict}");
    }
    Ok(verdict.is_sound())
}
