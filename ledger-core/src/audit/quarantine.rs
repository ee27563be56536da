//! Out of service and back. An audit may take an account out; only a person lets it in again, by name and on record.

use super::Found;
use crate::{
    auditor::{Auditor, AuditorError},
    domain::{ids::AccountId, limits::Label},
    error::LedgerError,
    journal,
};

/// Moves the quarantine to the record of releases, and returns what it said.
const RELEASE: &str = "
with lifted as (
    delete from quarantine where account_id = $1 returning account_id, since, reason
)
insert into releases (account_id, realm_id, actor, reason, quarantined_since, quarantine_reason)
select account_id, $2, $3, $4, since, reason from lifted
returning quarantine_reason";

impl Auditor {
    /// Lets an account out of quarantine, in somebody's name and for a reason, both on record in `releases` for ever. Returns
    /// what the quarantine said; `None` for an account that was in service.
    ///
    /// That its stream holds and its row agrees is proved first, and is not enough: a process that had the account in memory
    /// may have seen entries that nothing in the database shows any more. So neither an audit nor a repair releases; whoever
    /// does says that what the quarantine's reason names is explained.
    ///
    /// # Errors
    /// [`AuditorError::Unsound`] when the stream does not hold or the row differs from it, and
    /// [`LedgerError::NotFound`] when there is no such account.
    pub async fn release(
        &self,
        account: AccountId,
        by: &Label,
        reason: &Label,
    ) -> Result<Option<String>, AuditorError> {
        let (by, reason) = (by.clone(), reason.clone());
        self.under_lock(account, move |connection, found| {
            Box::pin(async move {
                if let Some(difference) = found.difference() {
                    return Err(AuditorError::Unsound(difference));
                }
                let realm = found.realm().ok_or(LedgerError::NotFound)?;
                let released = sqlx::query_scalar(RELEASE).bind(account.0).bind(realm.0);
                Ok(released.bind(by.as_str()).bind(reason.as_str()).fetch_optional(connection).await?)
            })
        })
        .await
    }

    /// Takes an account out of service in every process. `false` when nobody knows whose it is, and so nobody can call it.
    pub(super) async fn take_out(&self, found: &Found, reason: &str) -> Result<bool, LedgerError> {
        let Some(realm) = found.realm() else { return Ok(false) };
        let mut connection = self.repairer.acquire().await?;
        journal::quarantine(&mut connection, found.id, realm, &format!("an audit: {reason}")).await?;
        Ok(true)
    }
}
