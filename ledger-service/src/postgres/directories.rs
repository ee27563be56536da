//! Where the private server lives, and as whom: directories, their owners, and programs run as the server's user.

use std::{
    env,
    ffi::OsStr,
    fs::{self, DirBuilder, Permissions},
    io::ErrorKind,
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown},
    },
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use etcetera::BaseStrategy;
use sha2::{Digest, Sha256};
use tokio::process::Command;

/// Names the socket's file, and nothing else: there is no TCP.
pub(super) const PORT: u16 = 5432;
/// The kernel's `sun_path` on macOS; Linux has four bytes more.
const SOCKET_PATH_MAX: usize = 103;
/// What a server may run as when the ledger runs as root, the first that exists.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// The directories of one private server.
#[derive(Clone)]
pub(super) struct Directories {
    data_dir: PathBuf,
    sockets: PathBuf,
    /// Another user than the caller; there is one when the caller is root, as whom PostgreSQL refuses to run.
    server: Option<User>,
}

#[derive(Clone)]
struct User {
    name: String,
    uid: u32,
    gid: u32,
}

/// The data directory: the given one, that of `LEDGER_DATA_DIR`, or the platform's. Made if absent, for its owner alone.
///
/// # Errors
/// When it cannot be made, or there is no home directory to make it in.
pub fn data_dir(given: Option<&Path>) -> Result<PathBuf> {
    let data_dir =
        match given.map(PathBuf::from).or_else(|| env::var_os("LEDGER_DATA_DIR").map(PathBuf::from)) {
            Some(data_dir) => data_dir,
            // Not below root's home, which the user that PostgreSQL runs as cannot enter.
            None if our_uid()? == 0 => "/var/lib/ledger".into(),
            None => {
                let platform = etcetera::base_strategy::choose_native_strategy();
                platform.context("there is no home directory; set LEDGER_DATA_DIR")?.data_dir().join("ledger")
            }
        };
    if !data_dir.is_dir() {
        if let Some(parent) = data_dir.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        }
        let made = make_directory(&data_dir);
        // Another process that starts with us may have been quicker.
        ensure!(
            data_dir.is_dir(),
            made.err().unwrap_or_else(|| anyhow!("{} is no directory", data_dir.display()))
        );
    }
    // One name for one directory, because locks, socket and server are found by it.
    data_dir.canonicalize().with_context(|| format!("cannot use {}", data_dir.display()))
}

impl Directories {
    pub(super) fn of(data_dir: PathBuf) -> Result<Self> {
        let server = server_user(&data_dir.join("postgres"))?;
        let sockets = sockets_of(&data_dir);
        Ok(Self { data_dir, sockets, server })
    }

    pub(super) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// PostgreSQL's own directory.
    pub(super) fn cluster(&self) -> PathBuf {
        self.data_dir.join("postgres")
    }

    /// The directory of the socket. Nobody but the caller and the server's user can enter it, and so all who reach the socket
    /// are trusted.
    pub(super) fn sockets(&self) -> &Path {
        &self.sockets
    }

    /// A program, run as the server's user, knowing nothing of the caller's environment: there are secrets in it.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("LC_ALL", "C").env("TZ", "UTC").current_dir("/");
        for kept in ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
            command.envs(env::var_os(kept).map(|value| (kept, value)));
        }
        if let Some(User { uid, gid, .. }) = self.server {
            // Groups too: leaving root this way clears the supplementary ones.
            command.uid(uid).gid(gid);
        }
        command.stdin(Stdio::null());
        command
    }

    /// A new directory of the server's own.
    pub(super) fn make_for_server(&self, directory: &Path) -> Result<()> {
        make_directory(directory)?;
        if let Some(User { uid, gid, .. }) = self.server {
            chown(directory, Some(uid), Some(gid))?;
        }
        Ok(())
    }

    /// Lets the server's user into the data directory, where the caller is root and may have closed it.
    pub(super) async fn open_to_server(&self) -> Result<()> {
        let Some(User { name, gid, .. }) = &self.server else { return Ok(()) };
        if self.can_enter(&self.data_dir).await? {
            return Ok(());
        }
        // Into it only: what lies there is readable or not by its own permissions.
        let mode = fs::metadata(&self.data_dir)?.mode();
        chown(&self.data_dir, None, Some(*gid))?;
        fs::set_permissions(&self.data_dir, Permissions::from_mode(mode | 0o010))?;
        for directory in self.data_dir.ancestors() {
            if let Some(parent) = directory.parent()
                && self.can_enter(parent).await?
            {
                ensure!(
                    self.can_enter(directory).await?,
                    "PostgreSQL runs as the user {name}, who cannot enter {}: choose another LEDGER_DATA_DIR, or chmod o+x it",
                    directory.display()
                );
                return Ok(());
            }
        }
        Ok(())
    }

    async fn can_enter(&self, directory: &Path) -> Result<bool> {
        match self.command("true").current_dir(directory).status().await {
            Ok(status) => Ok(status.success()),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(false),
            Err(error) => Err(error).context("cannot run a program as the server's user"),
        }
    }

    /// Leaves nothing in /tmp. It is made anew by the next start.
    pub(super) fn remove_sockets(&self) {
        // What is not empty is in use, and stays.
        let _ = fs::remove_dir(&self.sockets);
    }

    /// Makes the directory of the socket, or finds it as it has to be.
    pub(super) fn make_sockets(&self) -> Result<()> {
        if !self.sockets.exists() {
            return self.make_for_server(&self.sockets);
        }
        // It may lie in /tmp, where anybody could have made it first, to listen in our server's place.
        let found = fs::symlink_metadata(&self.sockets)?;
        let owner = match &self.server {
            Some(user) => user.uid,
            None => our_uid()?,
        };
        ensure!(
            found.is_dir() && found.uid() == owner && found.mode() & 0o077 == 0,
            "{} has to be a directory of the user {owner}, closed to all others; remove it, or use another LEDGER_DATA_DIR",
            self.sockets.display()
        );
        Ok(())
    }
}

/// In the data directory where the path is short enough. Not in `XDG_RUNTIME_DIR`, which goes when its user logs out, and a
/// service may stay.
fn sockets_of(data_dir: &Path) -> PathBuf {
    let near = data_dir.join("socket");
    if near.join(format!(".s.PGSQL.{PORT}")).as_os_str().len() <= SOCKET_PATH_MAX {
        return near;
    }
    let digest = Sha256::digest(data_dir.as_os_str().as_bytes());
    let name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Path::new("/tmp").join(format!("ledger-{name}"))
}

/// Closed to all others from its first moment.
fn make_directory(directory: &Path) -> Result<()> {
    DirBuilder::new()
        .mode(0o700)
        .create(directory)
        .with_context(|| format!("cannot make {}", directory.display()))
}

/// As whom the server runs, if not as the caller: whoever owns its files already, or somebody unprivileged.
fn server_user(cluster: &Path) -> Result<Option<User>> {
    let us = our_uid()?;
    if let Ok(found) = fs::metadata(cluster) {
        let (uid, gid) = (found.uid(), found.gid());
        ensure!(us == 0 || uid == us, "{} belongs to another user, {uid}", cluster.display());
        ensure!(uid != 0, "{} belongs to root, as whom PostgreSQL refuses to run", cluster.display());
        return Ok((us == 0).then(|| User { name: uid.to_string(), uid, gid }));
    }
    if us != 0 {
        return Ok(None);
    }
    for name in UNPRIVILEGED {
        if let (Ok(uid), Ok(gid)) = (id(&["-u", name]), id(&["-g", name])) {
            return Ok(Some(User { name: name.into(), uid, gid }));
        }
    }
    bail!("PostgreSQL refuses to run as root, and there is neither a user postgres nor a user nobody")
}

fn our_uid() -> Result<u32> {
    id(&["-u"])
}

/// Asked of the program, because Rust's own library cannot say.
fn id(arguments: &[&str]) -> Result<u32> {
    let said = std::process::Command::new("id").args(arguments).output().context("cannot run `id`")?;
    ensure!(said.status.success(), "`id {}` failed", arguments.join(" "));
    Ok(String::from_utf8_lossy(&said.stdout).trim().parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_lies_in_the_data_directory_unless_its_path_were_too_long() {
        let long = Path::new("/srv").join("a".repeat(200));

        assert_eq!(sockets_of(Path::new("/var/lib/ledger")), Path::new("/var/lib/ledger/socket"));
        assert!(sockets_of(&long).starts_with("/tmp"), "{:?}", sockets_of(&long));
        assert_ne!(sockets_of(&long), sockets_of(&long.join("b")), "each data directory has its own");
    }
}
