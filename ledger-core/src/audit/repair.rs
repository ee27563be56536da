//! Mending the balance row of one account, under its lock and from the journal alone.

use serde::Serialize;

use super::Difference;
use crate::{
    auditor::{Auditor, AuditorError},
    domain::{ids::AccountId, limits::Label},
    journal::{Extent, mend_row},
};

/// What a repair has come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Repaired {
    /// In what the row differed before it was mended; `None` when it was right already.
    pub difference: Option<Difference>,
    /// Why the account is in quarantine, if it is. It stays there until [`Auditor::release`].
    pub quarantine: Option<String>,
}

impl Auditor {
    /// Mends the balance row of one account: under its lock, from the journal alone, and recorded in `repairs` in somebody's
    /// name. It does not let the account out of quarantine.
    ///
    /// A row that is ahead of the journal is mended too, which a replay never does: whoever names the account says with it
    /// that no entry was lost.
    ///
    /// # Errors
    /// [`AuditorError::Unsound`] when the journal itself does not hold, and
    /// [`LedgerError::NotFound`](crate::LedgerError::NotFound) when there is no such account.
    pub async fn repair(&self, account: AccountId, by: &Label) -> Result<Repaired, AuditorError> {
        self.mend(account, by, Difference::can_be_repaired).await
    }

    pub(crate) async fn mend(
        &self,
        account: AccountId,
        by: &Label,
        may: fn(&Difference) -> bool,
    ) -> Result<Repaired, AuditorError> {
        let by = by.clone();
        self.under_lock(account, move |connection, found| {
            Box::pin(async move {
                let difference = found.difference();
                match &difference {
                    Some(difference) if !may(difference) => {
                        return Err(AuditorError::Unsound(difference.clone()));
                    }
                    Some(_) => {
                        mend_row(connection, &found.stream, Extent::Whole, by.as_str()).await?;
                    }
                    None => {}
                }
                let reason = sqlx::query_scalar("select reason from quarantine where account_id = $1");
                let quarantine = reason.bind(account.0).fetch_optional(connection).await?;
                Ok(Repaired { difference, quarantine })
            })
        })
        .await
    }
}
