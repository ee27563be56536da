//! One machine: a data directory, an address, and the `ledger` program on them. All that it starts ends with it.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use ledger_tests::program;
use tempfile::TempDir;
use tokio::time::{interval, timeout};

use crate::client::Client;

/// Every start has to be through by then, the recovery of a crash included.
const READY_MAX: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

pub(crate) struct Machine {
    folder: TempDir,
    data_dir: PathBuf,
    program: PathBuf,
    address: SocketAddr,
    /// Somebody else than the tests' own user.
    user: Option<(u32, u32)>,
    /// A database that is there already, in place of a private one.
    database_url: Option<String>,
}

/// A running program. It ends with the test, also with one that fails half way.
pub(crate) struct Program(Child);

/// A running `ledger serve`.
pub(crate) struct Service {
    program: Program,
    pub(crate) customer: Client,
}

impl Machine {
    pub(crate) fn new() -> Self {
        Self::with_data_in("data")
    }

    /// With the data directory at a path below a folder of its own.
    pub(crate) fn with_data_in(path: &str) -> Self {
        // Not TMPDIR: below it a socket's path may be too long, and one test is about just that.
        let folder = TempDir::new_in("/tmp").expect("a folder for the test");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let data_dir = folder.path().join(path);
        let (program, address) = (program("ledger"), free_address());
        Self { data_dir, program, address, user: None, database_url: None, folder }
    }

    /// As a user without any privilege; for tests that run as root.
    pub(crate) fn of_nobody() -> Self {
        let mut machine = Self::new();
        let (uid, gid) = (id("-u"), id("-g"));
        // Where the tests' own folders may be closed to that user.
        let copy = machine.folder.path().join("ledger");
        fs::copy(&machine.program, &copy).unwrap();
        fs::create_dir(&machine.data_dir).unwrap();
        chown(&machine.data_dir, Some(uid), Some(gid)).unwrap();
        (machine.program, machine.user) = (copy, Some((uid, gid)));
        machine
    }

    /// On a database that others are on, too.
    pub(crate) fn on(database_url: &str) -> Self {
        let mut machine = Self::new();
        machine.database_url = Some(database_url.into());
        machine
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The program with some arguments, not yet started.
    pub(crate) fn ledger(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env("LEDGER_DATA_DIR", &self.data_dir)
            .env("LEDGER_LISTEN", self.address.to_string())
            .env("RUST_LOG", "warn")
            .env("HOME", self.folder.path())
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        for unwanted in ["DATABASE_URL", "LEDGER_OPERATOR_KEY", "RUST_BACKTRACE"] {
            command.env_remove(unwanted);
        }
        if let Some(url) = &self.database_url {
            command.env("DATABASE_URL", url);
        }
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.ledger(arguments).output().expect("the program runs")
    }

    /// Runs it to its end, which has to be a good one. Gives back what it printed.
    pub(crate) fn run_well(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "ledger {arguments:?}: {}", text_of(&output));
        text_of(&output)
    }

    /// Starts it, and goes on.
    pub(crate) fn start(&self, arguments: &[&str]) -> Program {
        let started = self.ledger(arguments).stdout(Stdio::null()).spawn();
        Program(started.expect("the program starts"))
    }

    /// Serves the demo tenant, and returns when it can be charged.
    pub(crate) async fn serve(&self) -> Service {
        let program = self.start_serving(&["serve", "--demo"]).await;
        let key = wait_for("the demo tenant's key", || self.credential("LEDGER_DEMO_KEY"));
        Service { program, customer: Client::new(self.address, &key) }
    }

    /// Serves a customer that another machine has made.
    pub(crate) async fn serve_too(&self, credential: &str) -> Service {
        let program = self.start_serving(&["serve"]).await;
        Service { program, customer: Client::new(self.address, credential) }
    }

    async fn start_serving(&self, arguments: &[&str]) -> Program {
        let begun = Instant::now();
        let mut program = self.start(arguments);
        let ready = async {
            let mut ticks = interval(POLL);
            let anybody = Client::new(self.address, "nobody");
            while !anybody.is_ready().await {
                ticks.tick().await;
                assert!(program.0.try_wait().unwrap().is_none(), "the service has ended");
            }
        };
        timeout(READY_MAX, ready).await.expect("the service is ready in time");
        println!("ready after {:?}", begun.elapsed());
        program
    }

    pub(crate) fn credential(&self, name: &str) -> Option<String> {
        let text = fs::read_to_string(self.data_dir.join("credentials")).ok()?;
        let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        found.map(Into::into)
    }

    /// The process of the private server, while it runs or has been killed.
    pub(crate) fn server(&self) -> Option<u32> {
        let text = fs::read_to_string(self.data_dir.join("postgres/postmaster.pid")).ok()?;
        text.lines().next()?.parse().ok()
    }

    pub(crate) fn kill_server(&self) {
        send("-KILL", self.server().expect("a server runs"));
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let Some(pid) = self.server() else { return };
        // Its data goes with the folder.
        send("-QUIT", pid);
        let begun = Instant::now();
        while self.server().is_some() && Path::new(&format!("/proc/{pid}/cwd")).exists() {
            if begun.elapsed() > READY_MAX {
                eprintln!("the server {pid} of a test still runs");
                return;
            }
            thread::park_timeout(POLL);
        }
    }
}

impl Program {
    /// As by a power cut, for this process.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Service {
    /// What it holds of the machine's memory, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.program.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line for it");
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kilobytes * 1_024
    }

    pub(crate) fn kill(self) {
        self.program.kill();
    }

    /// As a service manager does it.
    pub(crate) fn terminate(mut self) {
        send("-TERM", self.program.0.id());
        let status = self.program.0.wait().unwrap();
        assert!(status.success(), "the service ended with {status}");
    }
}

pub(crate) fn wait_for<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < READY_MAX, "{what} did not come");
        thread::park_timeout(POLL);
    }
}

pub(crate) fn text_of(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

pub(crate) fn are_we_root() -> bool {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().metadata().unwrap().uid() == 0
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn id(what: &str) -> u32 {
    let output = Command::new("id").args([what, "nobody"]).output().unwrap();
    text_of(&output).trim().parse().expect("there is a user nobody")
}

/// Signals a process that the test has started, which may have ended by itself.
fn send(signal: &str, pid: u32) {
    // The shell's own kill: a small system has no program of that name.
    let kill = ["-c", "kill \"$0\" \"$1\"", signal, &pid.to_string()];
    Command::new("sh").args(kill).stderr(Stdio::null()).status().expect("there is a shell");
}
