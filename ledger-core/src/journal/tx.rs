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
pub async fn in_realm<T, W>(pool: &PgPool, realm: RealmId, work: W) -> Result<T, LedgerError>
where
    T: Send + 'static,
    W: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, sqlx::Result<T>> + Send + 'static,
{
    in_task(pool, "begin", Some(realm), |connection| {
        let work = work(connection);
        Box::pin(async move { Ok(work.await?) })
    })
    .await
}

/// The same for a read of several statements: all of them see one moment, and none can write. Without a realm the role
/// alone says what may be seen.
///
/// # Errors
/// What `work` ends in; [`LedgerError::Unavailable`] with what the database said.
pub(crate) async fn in_snapshot<T, W>(
    pool: &PgPool,
    realm: Option<RealmId>,
    work: W,
) -> Result<T, LedgerError>
where
    T: Send + 'static,
    W: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, LedgerError>> + Send + 'static,
{
    in_task(pool, "begin isolation level repeatable read read only", realm, work).await
}

async fn in_task<T, W>(
    pool: &PgPool,
    begin: &'static str,
    realm: Option<RealmId>,
    work: W,
) -> Result<T, LedgerError>
where
    T: Send + 'static,
    W: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, LedgerError>> + Send + 'static,
{
    let pool = pool.clone();
    let task = tokio::spawn(async move {
        let mut tx = pool.begin_with(begin).await?;
        if let Some(realm) = realm {
            sqlx::query("select set_realm($1)").bind(realm.0).execute(&mut *tx).await?;
        }
        let result = work(&mut tx).await?;
        tx.commit().await?;
        Ok(result)
    });
    task.await.map_err(|_| LedgerError::Unavailable(None))?
}
