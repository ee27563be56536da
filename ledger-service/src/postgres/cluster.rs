//! The server itself: made once, started, found running, stopped.

use std::{
    fs,
    io::ErrorKind,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use sqlx::{
    Connection, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};
use tokio::{
    io::AsyncWriteExt,
    process::Command,
    time::{Instant, sleep, timeout},
};

use super::{
    binaries::{Binaries, major_in},
    directories::{Directories, PORT},
};

/// The database that the ledger is in.
pub(super) const DATABASE: &str = "ledger";
/// The server's superuser. Reached only through the socket, and so only by who may enter its directory.
const SUPERUSER: &str = "postgres";
/// How long a start may take, crash recovery included.
const READY_PATIENCE: Duration = Duration::from_secs(120);
const READY_POLL: Duration = Duration::from_millis(50);
/// How long a server that refuses to start is asked again: processes of a killed one take a moment to notice.
const REFUSAL_PATIENCE: Duration = Duration::from_secs(5);
/// How much of a log goes into a message.
const LOG_BYTES: usize = 2_000;
/// How long a server that accepts a connection may take to say anything.
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);
/// PostgreSQL's code for "starting up" and "shutting down".
const CANNOT_CONNECT_NOW: &str = "57P03";

/// One private server and the programs for it.
#[derive(Clone)]
pub(super) struct Cluster {
    directories: Directories,
    binaries: Binaries,
}

/// What is to be seen of the server from outside.
enum Seen {
    /// It answers.
    Running,
    /// It is about to answer, or to end.
    Changing,
    /// It runs, but where nobody of us can reach it.
    Unreachable,
    /// It is not there. What an earlier one left behind does not keep a new one from starting.
    Gone,
}

impl Cluster {
    /// The server in these directories; makes it when there is none yet.
    pub(super) async fn at(directories: Directories) -> Result<Self> {
        let version_file = directories.cluster().join("PG_VERSION");
        let data_major = version_file.exists().then(|| major_in(&version_file)).transpose()?;
        let cluster =
            Self { binaries: Binaries::find(directories.data_dir(), data_major).await?, directories };
        cluster.directories.open_to_server().await?;
        if data_major.is_none() {
            cluster.initialise().await?;
        }
        Ok(cluster)
    }

    /// Starts the server, unless it runs: then it is ours already, or one that outlived its service.
    pub(super) async fn ensure_running(&self) -> Result<()> {
        let begun = Instant::now();
        let mut refusal = String::new();
        loop {
            self.directories.make_sockets()?;
            match self.look().await? {
                Seen::Running => return Ok(()),
                Seen::Changing => {}
                Seen::Unreachable => self.stop().await?,
                Seen::Gone => refusal = self.start().await?.unwrap_or_default(),
            }
            // A process of the dead server may be deep in a long query, and touches the data until it is through.
            let patience = match refusal.as_str() {
                "" => READY_PATIENCE,
                text if text.contains("still in use") => READY_PATIENCE,
                _ => REFUSAL_PATIENCE,
            };
            let (directory, waited) = (self.directories.cluster(), begun.elapsed());
            ensure!(
                waited < patience,
                "PostgreSQL in {} is not ready after {} s\n{refusal}",
                directory.display(),
                waited.as_secs()
            );
            sleep(READY_POLL).await;
        }
    }

    /// Stops the server, in order, cutting whoever is still connected.
    pub(super) async fn stop(&self) -> Result<()> {
        if !self.pid_file().exists() {
            return Ok(());
        }
        let stopped = self.pg_ctl("stop").arg("--mode=fast").output().await?;
        // It may have ended of itself in between.
        ensure!(
            stopped.status.success() || !self.pid_file().exists(),
            "PostgreSQL does not stop: {}",
            String::from_utf8_lossy(&stopped.stderr).trim()
        );
        self.directories.remove_sockets();
        Ok(())
    }

    /// A connection as the superuser, to the server's own database.
    pub(super) async fn connect(&self) -> sqlx::Result<PgConnection> {
        let options = PgConnectOptions::new_without_pgpass()
            .socket(self.directories.sockets())
            .port(PORT)
            .username(SUPERUSER)
            .database("postgres")
            .ssl_mode(PgSslMode::Disable);
        match timeout(ANSWER_PATIENCE, PgConnection::connect_with(&options)).await {
            Ok(connected) => connected,
            Err(_) => Err(sqlx::Error::PoolTimedOut),
        }
    }

    pub(super) fn owner_url(&self, database: &str) -> String {
        self.url(SUPERUSER, database)
    }

    /// In the form that both sqlx and libpq read. All is said, or variables such as PGPORT would decide it.
    pub(super) fn url(&self, login: &str, database: &str) -> String {
        let sockets = percent_encoded(self.directories.sockets());
        format!("postgres://{login}@localhost:{PORT}/{database}?host={sockets}&sslmode=disable")
    }

    async fn look(&self) -> Result<Seen> {
        let Some(pid_file) = PidFile::read(&self.pid_file())? else { return Ok(Seen::Gone) };
        match self.connect().await {
            Ok(connection) => {
                self.check_identity(connection).await?;
                Ok(Seen::Running)
            }
            Err(sqlx::Error::Database(said)) if said.code().as_deref() == Some(CANNOT_CONNECT_NOW) => {
                Ok(Seen::Changing)
            }
            // Too many connections, say: that is an answer.
            Err(sqlx::Error::Database(_)) => Ok(Seen::Running),
            Err(_) if is_postmaster(pid_file.pid, &self.directories.cluster()) => {
                // A broom may have gone through /tmp, or an older release have put the socket elsewhere.
                let socket = self.directories.sockets().join(format!(".s.PGSQL.{PORT}"));
                Ok(if pid_file.is_ready && !socket.exists() { Seen::Unreachable } else { Seen::Changing })
            }
            Err(_) => {
                // Another program may have the number by now, or nobody has reaped the killed server, and PostgreSQL would refuse
                // to start over either. It makes sure by its shared memory that no process of the dead server is left.
                remove_if_there(&self.pid_file())?;
                Ok(Seen::Gone)
            }
        }
    }

    /// A server that answers on our socket for other data must not get our money.
    async fn check_identity(&self, mut connection: PgConnection) -> Result<()> {
        let directory: String =
            sqlx::query_scalar("select current_setting('data_directory')").fetch_one(&mut connection).await?;
        connection.close().await?;
        ensure!(
            Path::new(&directory).canonicalize().ok() == self.directories.cluster().canonicalize().ok(),
            "the server on {} is for {directory}",
            self.directories.sockets().display()
        );
        Ok(())
    }

    /// Says what the server says if it does not start.
    async fn start(&self) -> Result<Option<String>> {
        self.write_settings().await?;
        let log = self.directories.cluster().join("start.log");
        remove_if_there(&log)?;
        let started = self.pg_ctl("start").arg("--log").arg(&log).output().await?;
        if started.status.success() {
            return Ok(None);
        }
        let said = [log].into_iter().chain(newest_in(&self.directories.cluster().join("log"))).map(|log| {
            let text = fs::read(&log).unwrap_or_default();
            let last = &text[text.len().saturating_sub(LOG_BYTES)..];
            format!("{}:\n{}", log.display(), String::from_utf8_lossy(last))
        });
        Ok(Some(said.collect()))
    }

    fn pg_ctl(&self, verb: &str) -> Command {
        let mut command = self.directories.command(self.binaries.program("pg_ctl"));
        command
            .arg(verb)
            .args(["--silent", "--wait", "--timeout=60", "--pgdata"])
            .arg(self.directories.cluster());
        command
    }

    fn pid_file(&self) -> PathBuf {
        self.directories.cluster().join("postmaster.pid")
    }

    /// Makes the server's files beside their directories, because a kill in the middle must leave nothing that looks whole.
    async fn initialise(&self) -> Result<()> {
        let cluster = self.directories.cluster();
        tracing::info!("making a PostgreSQL in {}", cluster.display());
        ensure!(!cluster.exists(), "{} is there, but holds no PostgreSQL; move it away", cluster.display());
        for entry in fs::read_dir(self.directories.data_dir())? {
            let entry = entry?;
            if entry.file_name().as_bytes().starts_with(b"postgres.new-") {
                fs::remove_dir_all(entry.path())?;
            }
        }
        // A name of its own, because an initdb of a killed process may still be writing.
        let new = self.directories.data_dir().join(format!("postgres.new-{}", std::process::id()));
        self.directories.make_for_server(&new)?;
        // macOS has no C.UTF-8. Bytewise order everywhere, so that an update of the system's language data breaks no index.
        let locale = if cfg!(target_os = "macos") { "--locale=C" } else { "--locale=C.UTF-8" };
        let made = self
            .directories
            .command(self.binaries.program("initdb"))
            .args(["--username", SUPERUSER, "--encoding=UTF8", locale, "--lc-messages=C", "--data-checksums"])
            // Trust within the socket's directory, which is closed to all others; and no other way in.
            .args(["--auth-local=trust", "--auth-host=reject", "--no-instructions", "--pgdata"])
            .arg(&new)
            .output()
            .await?;
        ensure!(made.status.success(), "initdb failed:\n{}", String::from_utf8_lossy(&made.stderr));
        let include = "\n# Written by the ledger at each start. What stands below that line wins.\ninclude 'ledger.conf'\n";
        self.write(&new.join("postgresql.conf"), include, true).await?;
        self.write(&new.join("ledger.conf"), "", false).await?;
        fs::rename(&new, &cluster)?;
        fs::File::open(self.directories.data_dir())?.sync_all()?;
        Ok(())
    }

    /// Only when it differs: on a full disk, a server that could still start should.
    async fn write_settings(&self) -> Result<()> {
        let path = self.directories.cluster().join("ledger.conf");
        let settings = include_str!("ledger.conf")
            .replace("{sockets}", &self.directories.sockets().display().to_string().replace('\'', "''"))
            .replace("{port}", &PORT.to_string());
        if fs::read_to_string(&path).is_ok_and(|there| there == settings) {
            return Ok(());
        }
        self.write(&path, &settings, false).await
    }

    /// As the server's user: root writing where another user may plant a link would hand that user any file.
    async fn write(&self, path: &Path, text: &str, append: bool) -> Result<()> {
        let mut tee = self.directories.command("tee");
        tee.args(append.then_some("-a")).arg(path).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut writing = tee.spawn().context("cannot run `tee`")?;
        let mut stdin = writing.stdin.take().context("tee has a stdin")?;
        stdin.write_all(text.as_bytes()).await?;
        drop(stdin);
        ensure!(writing.wait().await?.success(), "cannot write {}", path.display());
        Ok(())
    }
}

/// What the server says of itself in `postmaster.pid`.
struct PidFile {
    pid: u32,
    is_ready: bool,
}

impl PidFile {
    fn read(path: &Path) -> Result<Option<Self>> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        // Empty after a power cut; process 0 is nobody.
        let pid = lines.first().and_then(|line| line.parse().ok()).unwrap_or(0);
        Ok(Some(Self { pid, is_ready: lines.get(7) == Some(&"ready") }))
    }
}

/// Whether the process is the server of this directory, and not one that was given the number of a dead one.
fn is_postmaster(pid: u32, cluster: &Path) -> bool {
    if cfg!(target_os = "linux") {
        // A server works in its data directory. There is no link for who is dead, and none that we may read for a stranger.
        let Ok(cluster) = cluster.canonicalize() else { return false };
        return fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|directory| directory == cluster);
    }
    let said = std::process::Command::new("ps").args(["-o", "command=", "-p", &pid.to_string()]).output();
    said.is_ok_and(|said| {
        let command = String::from_utf8_lossy(&said.stdout);
        command.contains("postgres") && command.contains(&*cluster.to_string_lossy())
    })
}

fn newest_in(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    entries
        .max_by_key(|entry| entry.metadata().and_then(|found| found.modified()).ok())
        .map(|entry| entry.path())
}

fn remove_if_there(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn percent_encoded(path: &Path) -> String {
    let encode = |byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(*byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    path.as_os_str().as_bytes().iter().map(encode).collect()
}
