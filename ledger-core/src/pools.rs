//! One pool per role. The login role inherits nothing: what a connection may do is said when it is opened.

use std::{io, panic::AssertUnwindSafe, str::FromStr, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use sqlx::{
    ConnectOptions, Connection, Executor, PgConnection, PgPool, Row,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::error::LedgerError;

/// What a pool is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Requests, one realm at a time.
    App,
    /// The lanes.
    Writer,
    /// Mends balance rows, and lets accounts out of quarantine.
    Repairer,
    /// Which realm an account is in.
    Auth,
    /// Notes, to null.
    Eraser,
    /// Reads everything.
    AllRealms,
    /// Reads everything, for somebody who waits for the answer.
    Lists,
    /// The platform's own tables, which belong to no realm.
    Platform,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::App => "ledger_app",
            Self::Writer => "ledger_writer",
            Self::Repairer => "ledger_repairer",
            Self::Auth => "ledger_auth",
            Self::Eraser => "ledger_eraser",
            Self::AllRealms | Self::Lists => "ledger_auditor",
            Self::Platform => "ledger_platform",
        }
    }

    /// How long a statement may run, and a transaction wait for the next one. The auditor reads whole journals in one snapshot.
    fn patience(self) -> &'static str {
        match self {
            Self::Writer => "6s",
            Self::App | Self::Repairer | Self::Auth | Self::Eraser | Self::Platform | Self::Lists => "10s",
            Self::AllRealms => "0",
        }
    }

    /// Whether a statement may go through a whole table. The lanes look everything up by its key.
    fn may_scan(self) -> &'static str {
        if self == Self::Writer { "off" } else { "on" }
    }

    /// How long a statement may wait for a lock. A lane's append hardly waits at all: whoever holds a row for longer than a
    /// commit takes is left to the locked fallback, which has more patience, and keeps nobody else waiting.
    fn lock_patience(self) -> &'static str {
        match self {
            Self::Writer => "250ms",
            Self::App
            | Self::Repairer
            | Self::Auth
            | Self::Eraser
            | Self::Platform
            | Self::AllRealms
            | Self::Lists => "5s",
        }
    }
}

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// How long a caller waits for a free connection before it hears 503.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections of one role, for the tables that a program keeps beside the journal.
///
/// # Errors
/// [`LedgerError::Unsafe`] when the url is none.
pub fn connect_as(url: &str, role: Role, connections: u32) -> Result<PgPool, LedgerError> {
    Ok(pool(&parse(url)?, role, connections))
}

/// How long work on a connection may take before its outcome is called unknown.
#[derive(Clone, Copy)]
pub(crate) struct Patience(pub(crate) Duration);

/// Runs `work` on a connection of the pool. Where it panics, or takes too long, nobody knows what the connection is in the middle
/// of: it is closed, and never used again.
///
/// # Errors
/// What `work` says, or that there was no connection, or no answer.
pub(crate) async fn with_connection<T, E, W>(pool: &PgPool, patience: Patience, work: W) -> Result<T, E>
where
    E: From<sqlx::Error>,
    W: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>>,
{
    let mut connection = pool.acquire().await?;
    let work = AssertUnwindSafe(work(&mut connection)).catch_unwind();
    match tokio::time::timeout(patience.0, work).await {
        Ok(Ok(result)) => result,
        Ok(Err(_panicked)) => {
            drop(connection.detach());
            Err(sqlx::Error::Decode("what was read made the program panic".into()).into())
        }
        Err(_elapsed) => {
            drop(connection.detach());
            Err(timed_out().into())
        }
    }
}

/// The database has not answered in time.
pub(crate) fn timed_out() -> sqlx::Error {
    io::Error::from(io::ErrorKind::TimedOut).into()
}

pub(crate) fn pool(options: &PgConnectOptions, role: Role, connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // In place of the ping that would cost the same round trip.
        .test_before_acquire(false)
        .before_acquire(|connection, _| is_clean(connection))
        .connect_lazy_with(as_role(options, role))
}

/// The options of a connection that is this role.
pub(crate) fn as_role(options: &PgConnectOptions, role: Role) -> PgConnectOptions {
    options.clone().application_name(role.name()).log_statements("off".parse().expect("a level")).options([
        ("role", role.name()),
        ("statement_timeout", role.patience()),
        ("lock_timeout", role.lock_patience()),
        ("idle_in_transaction_session_timeout", role.patience()),
        ("timezone", "UTC"),
        // Plans for arrays of any length: the generic one is right, and planning costs more than running.
        ("plan_cache_mode", "force_generic_plan"),
        // A lane keeps its connection and its plans, also those that were made while the tables were empty.
        ("enable_seqscan", role.may_scan()),
        // A peer that is gone without a word is noticed, also by the server that holds locks for it.
        ("tcp_keepalives_idle", "10"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "3"),
        ("tcp_user_timeout", "20s"),
    ])
}

/// Whether the connection stands outside any transaction.
///
/// sqlx 0.8 leaks an open one when a `begin()` future is dropped, and later writes there say Ok without being durable. None of
/// ours is ever dropped; this is the second road. Only outside a transaction does a statement start its own.
fn is_clean(connection: &mut PgConnection) -> BoxFuture<'_, sqlx::Result<bool>> {
    Box::pin(async {
        let row = connection.fetch_one("select now() = statement_timestamp() as clean").await?;
        row.try_get("clean")
    })
}

pub(crate) fn parse(url: &str) -> Result<PgConnectOptions, LedgerError> {
    PgConnectOptions::from_str(url).map_err(|error| LedgerError::Unsafe(format!("DATABASE_URL: {error}")))
}

/// Refuses a login that could see through row security, a server that could lose what it acknowledged, and an old schema.
pub(crate) async fn check_safety(pool: &PgPool) -> Result<(), LedgerError> {
    let row = pool
        .fetch_one(
            "select session_user::text as login,
                    (select rolname::text from pg_roles r
                     where pg_has_role(session_user, r.oid, 'member')
                       and (r.rolsuper or r.rolbypassrls or r.rolname = 'ledger_owner')
                     order by r.rolname <> session_user, r.rolname limit 1) as through,
                    (select string_agg(name || ' = ' || setting, ', ') from pg_settings
                     where name in ('fsync', 'full_page_writes', 'synchronous_commit') and setting = 'off') as unsafe",
        )
        .await?;
    if let Some(through) = row.try_get::<Option<String>, _>("through")? {
        let login: String = row.try_get("login")?;
        let who = if login == through { login } else { format!("{login} may become {through}, which") };
        return Err(LedgerError::Unsafe(format!(
            "{who} sees through row security; connect as ledger_service, or a role like it"
        )));
    }
    if let Some(setting) = row.try_get::<Option<String>, _>("unsafe")? {
        return Err(LedgerError::Unsafe(format!(
            "the server has {setting}, and would lose acknowledged writes in a crash"
        )));
    }
    check_schema(pool).await
}

async fn check_schema(pool: &PgPool) -> Result<(), LedgerError> {
    let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default();
    let migrated: sqlx::Result<Option<i64>> =
        sqlx::query_scalar("select max(version) from _sqlx_migrations where success").fetch_one(pool).await;
    match migrated {
        // A newer schema is fine: while a fleet is upgraded, the last release runs on the next one's tables.
        Ok(Some(version)) if version >= known => Ok(()),
        Err(error) if error.as_database_error().is_none() => Err(error.into()),
        Ok(_) | Err(_) => Err(LedgerError::Unsafe(
            "the database has no schema of this version; run `ledger migrate` first".into(),
        )),
    }
}

/// Makes or updates the schema. The url must log in as a superuser or as a role that may create roles.
///
/// # Errors
/// [`LedgerError::Unsafe`] when a migration fails or has been changed since it was applied.
pub async fn migrate(url: &str) -> Result<(), LedgerError> {
    // On a connection of its own, closed at the end: the migrator holds an advisory lock on it, which a pool would keep.
    let mut connection = PgConnection::connect_with(&parse(url)?).await?;
    let migrated = MIGRATIONS.run(&mut connection).await;
    connection.close().await?;
    migrated.map_err(|error| LedgerError::Unsafe(format!("migration: {error}")))
}
