//! Work on one account under the lock of its balance row. The stream may be long and the lock must be short, so the stream is
//! proved before: what is in the journal never changes, and under the lock only what came since is left to follow.

use futures::future::BoxFuture;
use sqlx::PgConnection;

use super::{Found, Walk};
use crate::{
    auditor::{Auditor, AuditorError},
    domain::ids::AccountId,
    error::LedgerError,
    journal::tx::{Begin, in_task},
};

const LOCK: &str = "select 1 from account_balances where account_id = $1 for update";

impl Auditor {
    /// Proves the account, locks its row, follows what came meanwhile, and runs `work` on it. All in one transaction but the
    /// first part.
    ///
    /// # Errors
    /// [`LedgerError::NotFound`] when there is neither an entry nor a row.
    pub(super) async fn under_lock<T, W>(&self, account: AccountId, work: W) -> Result<T, AuditorError>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut PgConnection, Found) -> BoxFuture<'c, Result<T, AuditorError>>
            + Send
            + 'static,
    {
        let found = self.prove(account).await?.ok_or(LedgerError::NotFound)?;
        in_task(&self.repairer, Begin::Plain, move |connection| {
            Box::pin(async move {
                // Read in later statements: this one, if it had to wait, would still see what was before.
                sqlx::query(LOCK).bind(account.0).execute(&mut *connection).await?;
                let found = Walk::onward(connection, found).await?;
                work(connection, found).await
            })
        })
        .await
    }

    async fn prove(&self, account: AccountId) -> Result<Option<Found>, LedgerError> {
        let (mut tx, _) = self.snapshot().await?;
        let Some(found) = Walk::through(&mut tx, account).await? else { return Ok(None) };
        tx.rollback().await?;
        // A long stream has grown while it was read. A second look leaves next to nothing for the time under the lock.
        let (mut tx, _) = self.snapshot().await?;
        Ok(Some(Walk::onward(&mut tx, found).await?))
    }
}
