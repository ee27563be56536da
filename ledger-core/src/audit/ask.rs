//! Asking the database in a way that damaged data cannot stop.

use futures::TryStreamExt;
use sqlx::{
    Connection, FromRow, PgConnection, Postgres,
    postgres::{PgArguments, PgRow},
    query::QueryAs,
};

use crate::error::LedgerError;

/// The rows, or why the data make them impossible to compute.
pub(crate) type Asked<T> = Result<T, String>;

/// Runs a query inside a transaction, and gives each row to `take`, one at a time. Data that it trips over (a text that should
/// be a number) is an answer: only the query is rolled back. A database that does not answer is an error.
#[expect(clippy::disallowed_methods, reason = "a savepoint, within a transaction that was begun at the door")]
pub(super) async fn ask<T>(
    connection: &mut PgConnection,
    query: QueryAs<'_, Postgres, T, PgArguments>,
    mut take: impl FnMut(T),
) -> Result<Asked<()>, LedgerError>
where
    T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    let mut savepoint = connection.begin().await?;
    let asked = {
        let mut rows = query.fetch(&mut *savepoint);
        loop {
            match rows.try_next().await {
                Ok(Some(row)) => take(row),
                end => break end,
            }
        }
    };
    match asked {
        Ok(_) => {
            savepoint.commit().await?;
            Ok(Ok(()))
        }
        // Class 22: data exceptions.
        Err(sqlx::Error::Database(error)) if error.code().is_some_and(|code| code.starts_with("22")) => {
            savepoint.rollback().await?;
            Ok(Err(error.message().to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}
