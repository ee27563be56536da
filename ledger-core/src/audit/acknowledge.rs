//! Saying of a finding that it is explained: it stays in sight, and no longer makes the books unsound.

use super::{CheckName, Finding, Verdict};
use crate::{
    auditor::{Auditor, AuditorError},
    domain::limits::Label,
    journal::stream::bigint,
};

/// How many findings can be acknowledged: an audit has all of them in memory. Books with more need something else than patience.
const ACKNOWLEDGEMENTS_MAX: i64 = 10_000;

const ACKNOWLEDGE: &str = "
insert into acknowledgements (finding, check_name, account_id, sequence, said, realm_id, actor, reason)
select $1, $2, $3, $4, $5, (select realm_id from account_balances where account_id = $3), $6, $7
where (select count(*) from acknowledgements) < $8
on conflict (finding) do nothing";

impl Auditor {
    /// Acknowledges findings by their names, in somebody's name and for a reason, both on record in `acknowledgements` for
    /// ever. Audits first, so that only what is wrong now can be acknowledged, and returns what that audit came to.
    ///
    /// An acknowledgement covers its finding to the letter: the check, the account, the place and the text. When any of these
    /// is another, it is another finding.
    ///
    /// # Errors
    /// [`AuditorError::NoFinding`] when the audit shows no open finding of that name: nothing was acknowledged then.
    /// [`AuditorError::TooMany`] when there is no room for more.
    pub async fn acknowledge(
        &self,
        names: &[impl AsRef<str>],
        by: &Label,
        reason: &Label,
    ) -> Result<Vec<Finding>, AuditorError> {
        let verdict = self.audit().await?;
        let named = |name: &str| open(&verdict, name).ok_or_else(|| AuditorError::NoFinding(name.to_owned()));
        let found: Vec<_> = names.iter().map(|name| named(name.as_ref())).collect::<Result<_, _>>()?;
        for (check, finding) in &found {
            let done = sqlx::query(ACKNOWLEDGE)
                .bind(finding.digest)
                .bind(serde_json::to_value(check).expect("a name is plain JSON").as_str())
                .bind(finding.account.map(|account| account.0))
                .bind(finding.sequence.map(bigint))
                .bind(&finding.text)
                .bind(by.as_str())
                .bind(reason.as_str())
                .bind(ACKNOWLEDGEMENTS_MAX)
                .execute(&self.repairer)
                .await?;
            if done.rows_affected() == 0 {
                return Err(AuditorError::TooMany);
            }
        }
        Ok(found.into_iter().map(|(_, finding)| finding.clone()).collect())
    }
}

fn open<'a>(verdict: &'a Verdict, name: &str) -> Option<(CheckName, &'a Finding)> {
    verdict.findings().find(|(_, finding)| finding.name == name && finding.acknowledged.is_none())
}
