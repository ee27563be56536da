//! The ledger's own PostgreSQL, for when there is no `DATABASE_URL`.
//!
//! It lives in the data directory, listens on a Unix socket only, and outlives nothing but a crash: whoever leaves last stops
//! it, and a server that a killed service left behind is adopted by the next process that comes. Any number of processes may
//! be attached; one at a time may serve.

mod binaries;
#[cfg(feature = "bundled-postgres")]
mod bundled;
mod cluster;
mod directories;
mod locks;

use std::{path::Path, time::Duration};

use anyhow::Result;
use sqlx::{Connection, Executor, PgConnection};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
    task::JoinHandle,
    time::sleep,
};

use self::{
    cluster::{Cluster, DATABASE},
    directories::Directories,
    locks::{Lock, Locks},
};

pub use self::directories::data_dir;

/// The role that the ledger logs in as.
const SERVICE: &str = "ledger_service";
/// How often the one who serves looks whether the server still answers. Crash recovery takes longer than this.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Where the ledger's database is. The private one is there until [`Database::leave`].
pub struct Database {
    url: String,
    owner_url: String,
    private: Option<Private>,
}

impl Database {
    /// The database that the url names, or else the private one, for a command that shares it with a service.
    ///
    /// # Errors
    /// When the private server cannot be started; the message says what to do.
    pub async fn attach(database_url: Option<&str>, data_dir: Option<&Path>) -> Result<Self> {
        match database_url {
            Some(url) => Ok(Self::named(url)),
            None => Private::start(data_dir, Purpose::Command).await,
        }
    }

    /// The database that the url names, or else the private one, for the one process that serves from its data directory.
    ///
    /// # Errors
    /// As [`Database::attach`], and when another process serves from the data directory already.
    pub async fn serve(database_url: Option<&str>, data_dir: Option<&Path>) -> Result<Self> {
        match database_url {
            Some(url) => Ok(Self::named(url)),
            None => Private::start(data_dir, Purpose::Serve).await,
        }
    }

    /// Attaches, works, and leaves, also when the work fails or somebody presses Ctrl-C: no server is left behind.
    ///
    /// # Errors
    /// As [`Database::attach`], and what the work fails with.
    pub async fn during<T>(
        database_url: Option<&str>,
        data_dir: Option<&Path>,
        work: impl AsyncFnOnce(&Self) -> Result<T>,
    ) -> Result<T> {
        let database = Self::attach(database_url, data_dir).await?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let worked = tokio::select! {
            worked = work(&database) => worked,
            _ = terminate.recv() => Err(anyhow::anyhow!("terminated")),
            _ = interrupt.recv() => Err(anyhow::anyhow!("interrupted")),
        };
        let left = database.leave().await;
        let worked = worked?;
        left.map(|()| worked)
    }

    /// Logs in as the role that serves. A private database has the schema of this version already.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Logs in as whoever may migrate: with the private server its superuser, else the same login.
    #[must_use]
    pub fn owner_url(&self) -> &str {
        &self.owner_url
    }

    /// Whether this is the ledger's own server.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.private.is_some()
    }

    /// Stops the private server, unless another process is attached to it. To be called when all connections are closed.
    ///
    /// # Errors
    /// When the server does not stop.
    pub async fn leave(self) -> Result<()> {
        match self.private {
            Some(private) => private.leave().await,
            None => Ok(()),
        }
    }

    fn named(url: &str) -> Self {
        Self { url: url.into(), owner_url: url.into(), private: None }
    }
}

/// What a process wants the private server for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Serve,
    Command,
}

/// This process's hold on the private server.
struct Private {
    cluster: Cluster,
    locks: Locks,
    attached: Lock,
    serving: Option<Serving>,
}

/// What only the one who serves has.
struct Serving {
    /// Held for its effect on others.
    _lock: Lock,
    look_no_more: oneshot::Sender<()>,
    looking: JoinHandle<()>,
}

impl Private {
    async fn start(data_dir: Option<&Path>, purpose: Purpose) -> Result<Database> {
        let directories = Directories::of(self::data_dir(data_dir)?)?;
        let locks = Locks::new(directories.data_dir());
        // First, because the second service is to be told so at once, and not after a start.
        let serving = match purpose {
            Purpose::Serve => Some(locks.serve()?),
            Purpose::Command => None,
        };
        let starting = locks.start().await?;
        let attached = locks.attach()?;
        let cluster = Cluster::at(directories).await?;
        cluster.ensure_running().await?;
        let (url, owner_url) = (cluster.url(SERVICE, DATABASE), cluster.owner_url(DATABASE));
        if let Err(error) = prepare_database(&cluster, &owner_url).await {
            let private = Self { cluster, locks, attached, serving: None };
            drop(starting);
            // What failed is the news; a server that does not stop would only hide it.
            let _ = private.leave().await;
            return Err(error);
        }
        drop(starting);
        let serving = serving.map(|lock| look_after(cluster.clone(), locks.clone(), lock));
        Ok(Database { url, owner_url, private: Some(Self { cluster, locks, attached, serving }) })
    }

    async fn leave(self) -> Result<()> {
        let serving = self.serving.map(|serving| {
            let Serving { _lock, look_no_more, looking } = serving;
            // It may have panicked, and then there is nobody to tell.
            let _ = look_no_more.send(());
            (_lock, looking)
        });
        // Waited for, because a restart under way would undo the stop below.
        let _serving = match serving {
            Some((lock, looking)) => {
                let _ = looking.await;
                Some(lock)
            }
            None => None,
        };
        let _starting = self.locks.start().await?;
        drop(self.attached);
        if self.locks.is_anyone_attached()? {
            tracing::info!("another process is attached to the private PostgreSQL; it is left running");
            return Ok(());
        }
        self.cluster.stop().await
    }
}

/// Makes the database and its schema, as the server's superuser: the ledger itself logs in as one who could not.
async fn prepare_database(cluster: &Cluster, owner_url: &str) -> Result<()> {
    let mut admin = cluster.connect().await?;
    let exists = sqlx::query("select 1 from pg_database where datname = $1").bind(DATABASE);
    if exists.fetch_optional(&mut admin).await?.is_none() {
        admin.execute(format!("create database {DATABASE}").as_str()).await?;
    }
    admin.close().await?;
    ledger_core::migrate(owner_url).await?;
    Ok(())
}

/// Brings a server back that has died under the service: killed, or brought down by a full disk that has space again.
fn look_after(cluster: Cluster, locks: Locks, lock: Lock) -> Serving {
    let (look_no_more, mut enough) = oneshot::channel();
    let looking = tokio::spawn(async move {
        let mut held: Option<PgConnection> = None;
        loop {
            tokio::select! {
                _ = &mut enough => return,
                () = sleep(LOOK_INTERVAL) => {}
            }
            // One connection is kept for it, because each new one costs the server a process.
            if let Some(connection) = &mut held
                && connection.ping().await.is_ok()
            {
                continue;
            }
            held = match revive(&cluster, &locks).await {
                Ok(connection) => Some(connection),
                Err(error) => {
                    tracing::error!("the private PostgreSQL is down, and does not start: {error:#}");
                    None
                }
            };
        }
    });
    Serving { _lock: lock, look_no_more, looking }
}

async fn revive(cluster: &Cluster, locks: &Locks) -> Result<PgConnection> {
    let _starting = locks.start().await?;
    cluster.ensure_running().await?;
    Ok(cluster.connect().await?)
}
