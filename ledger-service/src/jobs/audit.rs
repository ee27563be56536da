//! The service's own audit, at intervals: what does not hold is taken out of service, in the log, and on record.

use std::{error::Error, time::Duration};

use ledger_core::{Auditor, Label, LedgerError, Verdict};
use tokio::time::sleep;

/// Audits for ever, with a pause before each time. What goes wrong is in the log, and the next time comes all the same.
pub async fn audit_every(pause: Duration, auditor: Auditor) {
    loop {
        sleep(pause).await;
        if let Err(error) = audit_once(&auditor).await {
            tracing::error!(error = &error as &dyn Error, "the audit did not come to its end");
        }
    }
}

/// Audits once.
///
/// # Errors
/// [`LedgerError`] when the database does not answer.
///
/// # Panics
/// Never: the name on record is a label.
pub async fn audit_once(auditor: &Auditor) -> Result<Verdict, LedgerError> {
    let verdict = auditor.audit_and_quarantine().await?;
    let wrong: u64 = verdict.checks.iter().map(|check| check.wrong).sum();
    metrics::gauge!("ledger_audit_findings").set(wrong as f64);
    let (accounts, entries, quarantined) = (verdict.accounts, verdict.entries, verdict.quarantined);
    match verdict.first_finding() {
        None => tracing::info!(accounts, entries, "the books are sound"),
        Some(first) => tracing::error!(%first, wrong, quarantined, "the books are not sound"),
    }
    let by: Label = "ledger serve".parse().expect("it is a label");
    auditor.record(&verdict, &by).await?;
    Ok(verdict)
}
