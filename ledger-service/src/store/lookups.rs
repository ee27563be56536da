//! Whose key a digest is. Whatever is asked meanwhile is asked for with one statement, so that a caller with a thousand requests
//! costs the others one. And while the database does not answer, everybody is told so at once.

use std::{collections::HashMap, time::Duration};

use ledger_core::LedgerError;
use sqlx::{PgPool, postgres::PgRow};
use tokio::{
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};

use super::StoreError;
use crate::secret::KeyDigest;

/// Lookups that wait; the next one hears 503.
const WAITING_MAX: usize = 8_192;
/// Lookups of one statement.
const BATCH_MAX: usize = 512;
/// How long the database may take. A pool waits as long for a connection.
const LOOKUP_MAX: Duration = Duration::from_secs(5);
/// Between two looks for a database that did not answer.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// Who has found the credential of this digest, or that there is none.
type Answer<T> = oneshot::Sender<Result<Option<T>, StoreError>>;

/// The door to the lookups of one kind of key. When the last one is dropped, they end.
#[derive(Debug)]
pub(super) struct Lookups<T> {
    waiting: mpsc::Sender<(KeyDigest, Answer<T>)>,
}

impl<T> Clone for Lookups<T> {
    fn clone(&self) -> Self {
        Self { waiting: self.waiting.clone() }
    }
}

/// Reads a row into its digests and what they stand for.
pub(super) type Read<T> = fn(&PgRow) -> sqlx::Result<(Vec<Vec<u8>>, T)>;

impl<T: Clone + Send + 'static> Lookups<T> {
    /// `select` takes the digests as its one argument.
    pub(super) fn start(pool: PgPool, select: &'static str, read: Read<T>) -> Self {
        let (waiting, asked) = mpsc::channel(WAITING_MAX);
        tokio::spawn(Clerk { pool, select, read, asked }.run());
        Self { waiting }
    }

    pub(super) async fn find(&self, digest: KeyDigest) -> Result<Option<T>, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.waiting.try_send((digest, answer)).map_err(|_| StoreError::from(LedgerError::Busy))?;
        answered.await.unwrap_or_else(|_| Err(down()))
    }
}

struct Clerk<T> {
    pool: PgPool,
    select: &'static str,
    read: Read<T>,
    asked: mpsc::Receiver<(KeyDigest, Answer<T>)>,
}

impl<T: Clone> Clerk<T> {
    async fn run(mut self) {
        let mut batch = Vec::new();
        while self.asked.recv_many(&mut batch, BATCH_MAX).await > 0 {
            let digests: Vec<Vec<u8>> = batch.iter().map(|(digest, _)| digest.to_vec()).collect();
            let found = self.look_up(&digests).await;
            let is_down = found.is_err();
            let mut found = found.map_err(Some);
            for (digest, answer) in batch.drain(..) {
                // Who has hung up is not answered.
                let _ = answer.send(match &mut found {
                    Ok(found) => Ok(found.get(digest.as_bytes()).cloned()),
                    // The first one has what the database said; it is the same for the others.
                    Err(error) => Err(error.take().map_or_else(down, StoreError::from)),
                });
            }
            if is_down {
                self.wait_for_database().await;
            }
        }
    }

    async fn look_up(&self, digests: &[Vec<u8>]) -> sqlx::Result<HashMap<Vec<u8>, T>> {
        let rows = in_time(sqlx::query(self.select).bind(digests).fetch_all(&self.pool)).await?;
        let mut found = HashMap::new();
        for row in rows {
            match (self.read)(&row) {
                Ok((digests, holder)) => found.extend(digests.into_iter().map(|one| (one, holder.clone()))),
                // A newer release has written it. Its holder is nobody here; all others are not to suffer.
                Err(error) => tracing::error!(%error, "a credential cannot be read"),
            }
        }
        Ok(found)
    }

    /// Tells everybody at once that it is down, and looks by itself whether it still is.
    async fn wait_for_database(&mut self) {
        let pool = self.pool.clone();
        let up = async move {
            while in_time(sqlx::query("select 1").execute(&pool)).await.is_err() {
                sleep(LOOK_PAUSE).await;
            }
        };
        let mut up = std::pin::pin!(up);
        loop {
            tokio::select! {
                () = &mut up => return,
                asked = self.asked.recv() => match asked {
                    Some((_, answer)) => drop(answer.send(Err(down()))),
                    None => return,
                },
            }
        }
    }
}

/// A server that is stopped, and not gone, would never answer.
async fn in_time<T>(asked: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    timeout(LOOKUP_MAX, asked).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

fn down() -> StoreError {
    LedgerError::Unavailable(None).into()
}
