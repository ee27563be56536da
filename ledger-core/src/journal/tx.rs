//! The one door for transactions. Each begins in a task of its own: whoever stops waiting drops the waiting, never the `begin`.
//!
//! sqlx leaks an open transaction into its pool when a `begin` future is dropped, and later writes there say Ok without being
//! durable.

use std::time::Duration;

use futures::future::BoxFuture;
use sqlx::{Connection, PgConnection, PgPool, Postgres, Row, Transaction};

use crate::{
    domain::{entry::Timestamp, ids::RealmId},
    error::LedgerError,
    pools::{Patience, with_connection},
};

/// How long a transaction may take from its first statement to its commit.
const PATIENCE: Patience = Patience(Duration::from_secs(12));
/// How long the locked fallback waits for a row that somebody else has locked.
const LOCK_PATIENCE_MS: u64 = 2_000;

/// How a transaction begins.
#[derive(Clone, Copy)]
pub(crate) enum Begin {
    /// To write what must happen together.
    Plain,
    /// To see one realm and no other.
    InRealm(RealmId),
    /// To see one moment, of one realm or of whatever the role may see, and to write nothing.
    Snapshot(Option<RealmId>),
    /// To wait a while, and no longer, for locks that others hold.
    ForLocks,
}

impl Begin {
    /// One round trip, also where a realm is set: its id has no character that SQL could take for its own.
    fn statement(self) -> String {
        let snapshot = "begin isolation level repeatable read read only";
        match self {
            Self::Plain => "begin".to_owned(),
            Self::InRealm(RealmId(realm)) => format!("begin; select set_realm('{realm}')"),
            Self::Snapshot(None) => snapshot.to_owned(),
            Self::Snapshot(Some(RealmId(realm))) => format!("{snapshot}; select set_realm('{realm}')"),
            Self::ForLocks => format!("begin; set local lock_timeout = '{LOCK_PATIENCE_MS}ms'"),
        }
    }
}

/// Runs `work` in a transaction, and commits it unless it fails.
///
/// # Errors
/// What `work` says, or [`LedgerError::Unavailable`].
#[expect(clippy::disallowed_methods, reason = "this is the place that it is allowed in")]
pub(crate) async fn in_task<T, E, W>(pool: &PgPool, begin: Begin, work: W) -> Result<T, E>
where
    T: Send + 'static,
    E: From<sqlx::Error> + From<LedgerError> + Send + 'static,
    W: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
{
    let pool = pool.clone();
    let task = tokio::spawn(async move {
        with_connection(&pool, PATIENCE, move |connection| {
            Box::pin(async move {
                let mut tx = Connection::begin_with(connection, begin.statement()).await?;
                let result = work(&mut tx).await?;
                tx.commit().await?;
                Ok(result)
            })
        })
        .await
    });
    task.await.map_err(|_| E::from(LedgerError::Unavailable(None)))?
}

/// Runs `work` in a transaction that sees this realm and no other.
///
/// # Errors
/// [`LedgerError::Unavailable`] with what the database said.
pub async fn in_realm<T, W>(pool: &PgPool, realm: RealmId, work: W) -> Result<T, LedgerError>
where
    T: Send + 'static,
    W: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, sqlx::Result<T>> + Send + 'static,
{
    in_task(pool, Begin::InRealm(realm), move |connection| {
        let work = work(connection);
        Box::pin(async move { Ok(work.await?) })
    })
    .await
}

/// Runs a read of several statements: all of them see one moment, and none can write. Without a realm the role alone says what
/// may be seen.
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
    in_task(pool, Begin::Snapshot(realm), work).await
}

/// A view of everything at one moment, and that moment in database time. Nothing that happens later can be seen in it. Dropped,
/// it rolls back.
///
/// # Errors
/// [`LedgerError::Unavailable`] when the database does not answer.
#[expect(clippy::disallowed_methods, reason = "this is the place that it is allowed in")]
pub(crate) async fn snapshot(
    pool: &PgPool,
) -> Result<(Transaction<'static, Postgres>, Timestamp), LedgerError> {
    let pool = pool.clone();
    let begin = tokio::spawn(async move {
        let mut tx = pool.begin_with("begin isolation level repeatable read read only").await?;
        let row = sqlx::query("select now() as now").fetch_one(&mut *tx).await?;
        let now = row.try_get("now")?;
        Ok((tx, now))
    });
    begin.await.map_err(|_| LedgerError::Unavailable(None))?
}
