//! The record of audits: whoever looks at the books later sees when they were last proved.

use super::verdict::Verdict;
use crate::{auditor::Auditor, domain::limits::Label, error::LedgerError, journal::stream::bigint};

const INSERT: &str = "
insert into audits (as_of, actor, sound, accounts, entries, wrong, first_finding) values ($1, $2, $3, $4, $5, $6, $7)";

impl Auditor {
    /// Puts a verdict on record: [`Ledger::overview`](crate::Ledger::overview) shows the last one.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] when the database does not take it, such as one that can only be read.
    pub async fn record(&self, verdict: &Verdict, actor: &Label) -> Result<(), LedgerError> {
        let wrong = verdict.checks.iter().map(|check| check.wrong).sum();
        sqlx::query(INSERT)
            .bind(verdict.as_of)
            .bind(actor.as_str())
            .bind(verdict.is_sound())
            .bind(bigint(verdict.accounts))
            .bind(bigint(verdict.entries))
            .bind(bigint(wrong))
            .bind(verdict.first_finding().map(ToString::to_string))
            .execute(&self.repairer)
            .await?;
        Ok(())
    }
}
