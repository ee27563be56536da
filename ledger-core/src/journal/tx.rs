//! A transaction that has a realm. The only place, beside the locked fallback, where a transaction begins.

use futures::future::BoxFuture;
use sqlx::{PgConnection, PgPool};

use crate::{domain::ids::RealmId, error::LedgerError};

/// Runs `work` in a transaction that sees this realm and no other.
///
/// In a task of its own: a caller that hangs up drops the waiting, never the `begin()`.
///
/// # Errors
/// [`LedgerError::Unavailable`] with what the database said.
#[expect(clippy::disallowed_methods, reason = "this is the place that it is allowed in")]
pub async fn in_realm<T, W>(pool: &PgPool, realm: RealmId, work: W) -> Result<T, LedgerError>
where
    T: Send + 'static,
    W: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, sqlx::Result<T>> + Send + 'static,
{
    let pool = pool.clone();
    let task = tokio::spawn(async move {
        let mut tx = pool.begin().await?;
        sqlx::query("select set_realm($1)").bind(realm.0).execute(&mut *tx).await?;
        let result = work(&mut tx).await?;
        tx.commit().await?;
        Ok(result)
    });
    task.await.map_err(|_| LedgerError::Unavailable(None))?
}
