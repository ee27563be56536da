//! What every request asks first: whose key a digest is, and whether a tenant may begin anything new. Whatever is asked meanwhile
//! is one statement, so that a caller with a thousand requests costs the others one. And while the database does not answer, everybody is told so at once.

use std::{collections::HashMap, hash::Hash, time::Duration};

use ledger_core::LedgerError;
use sqlx::{Encode, PgPool, Postgres, Type, postgres::PgRow};
use tokio::{
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};

use super::StoreError;

/// Lookups that wait; the next one is answered with 503.
const WAITING_MAX: usize = 8_192;
/// Lookups of one statement.
const BATCH_MAX: usize = 512;
/// How long the database may take. A pool waits as long for a connection.
const LOOKUP_MAX: Duration = Duration::from_secs(5);
/// Between two looks for a database that did not answer.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// Who waits for what was found, or for the news that there is nothing.
type Answer<T> = oneshot::Sender<Result<Option<T>, StoreError>>;

/// The door to the lookups of one kind: by a `K`, for a `T`. When the last one is dropped, they end.
#[derive(Debug)]
pub(super) struct Lookups<K, T> {
    waiting: mpsc::Sender<(K, Answer<T>)>,
}

impl<K, T> Clone for Lookups<K, T> {
    fn clone(&self) -> Self {
        Self { waiting: self.waiting.clone() }
    }
}

/// Reads a row into what it is found by, and what it stands for.
pub(super) type Read<K, T> = fn(&PgRow) -> sqlx::Result<(Vec<K>, T)>;

impl<K, T> Lookups<K, T>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    Vec<K>: for<'q> Encode<'q, Postgres> + Type<Postgres>,
    T: Clone + Send + 'static,
{
    /// `select` takes all that is asked for as its one argument.
    pub(super) fn start(pool: PgPool, select: &'static str, read: Read<K, T>) -> Self {
        let (waiting, asked) = mpsc::channel(WAITING_MAX);
        tokio::spawn(Clerk { pool, select, read, asked }.run());
        Self { waiting }
    }

    pub(super) async fn find(&self, by: K) -> Result<Option<T>, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.waiting.try_send((by, answer)).map_err(|_| StoreError::from(LedgerError::Busy))?;
        answered.await.unwrap_or_else(|_| Err(down()))
    }
}

struct Clerk<K, T> {
    pool: PgPool,
    select: &'static str,
    read: Read<K, T>,
    asked: mpsc::Receiver<(K, Answer<T>)>,
}

impl<K, T> Clerk<K, T>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    Vec<K>: for<'q> Encode<'q, Postgres> + Type<Postgres>,
    T: Clone + Send + 'static,
{
    async fn run(mut self) {
        let mut batch = Vec::new();
        while self.asked.recv_many(&mut batch, BATCH_MAX).await > 0 {
            let asked = batch.iter().map(|(by, _)| by.clone()).collect();
            let found = self.look_up(asked).await;
            let is_down = found.is_err();
            let mut found = found.map_err(Some);
            for (by, answer) in batch.drain(..) {
                // Who has hung up is not answered.
                let _ = answer.send(match &mut found {
                    Ok(found) => Ok(found.get(&by).cloned()),
                    // The first one has what the database said; it is the same for the others.
                    Err(error) => Err(error.take().map_or_else(down, StoreError::from)),
                });
            }
            if is_down {
                self.wait_for_database().await;
            }
        }
    }

    async fn look_up(&self, asked: Vec<K>) -> sqlx::Result<HashMap<K, T>> {
        let rows = in_time(sqlx::query(self.select).bind(asked).fetch_all(&self.pool)).await?;
        let mut found = HashMap::new();
        for row in rows {
            match (self.read)(&row) {
                Ok((names, one)) => found.extend(names.into_iter().map(|name| (name, one.clone()))),
                // A newer release has written it. It is as absent here; all others are not to suffer.
                Err(error) => tracing::error!(%error, "what was looked up cannot be read"),
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
