//! Finding the PostgreSQL that is installed.

use std::{
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

/// The first with `security_invoker` views.
const OLDEST_MAJOR: u32 = 15;

/// Where distributions keep the server programs off `PATH`: each in the `bin` of a version's folder.
const FOLDERS_OF_VERSIONS: [&str; 6] = [
    "/usr/lib/postgresql",
    "/opt/homebrew/opt",
    "/usr/local/opt",
    "/home/linuxbrew/.linuxbrew/opt",
    "/Applications/Postgres.app/Contents/Versions",
    "/usr",
];

/// The server programs of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binaries {
    directory: PathBuf,
    major: u32,
}

impl Binaries {
    /// Those to use for a data directory: of the major version that made it, or for a new one the first that is new enough.
    pub(super) async fn find(data_dir: &Path, data_major: Option<u32>) -> Result<Self> {
        let installed = match env::var_os("LEDGER_POSTGRES_BIN") {
            Some(directory) => choose(&[directory.into()], data_major),
            None => choose(&candidates(), data_major),
        };
        #[cfg(feature = "bundled-postgres")]
        if installed.is_err() {
            return choose(&[super::bundled::download(data_dir, data_major).await?], data_major);
        }
        #[cfg(not(feature = "bundled-postgres"))]
        let _ = data_dir;
        installed
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// None when the directory has not all three programs.
    fn at(directory: &Path) -> Option<Self> {
        let has = |name| directory.join(name).is_file();
        if !(has("postgres") && has("initdb") && has("pg_ctl")) {
            return None;
        }
        let said = std::process::Command::new(directory.join("postgres")).arg("--version").output().ok()?;
        Some(Self { directory: directory.into(), major: major_of(&String::from_utf8_lossy(&said.stdout))? })
    }
}

fn choose(candidates: &[PathBuf], data_major: Option<u32>) -> Result<Binaries> {
    let mut seen = Vec::new();
    for binaries in candidates.iter().filter_map(|directory| Binaries::at(directory)) {
        let fits = match data_major {
            Some(major) => binaries.major == major,
            None => binaries.major >= OLDEST_MAJOR,
        };
        if fits {
            return Ok(binaries);
        }
        seen.push(binaries);
    }
    bail!(remedies(&seen, data_major))
}

/// `PATH` first, because who has put a version there has chosen; then newest first.
fn candidates() -> Vec<PathBuf> {
    let mut directories: Vec<PathBuf> = env::var_os("PATH")
        .map(|path| env::split_paths(&path).filter(|directory| directory.is_absolute()).collect())
        .unwrap_or_default();
    for folder in FOLDERS_OF_VERSIONS {
        directories.extend(versions_in(Path::new(folder)));
    }
    directories
}

fn versions_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut versions: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            // 17 on Debian, postgresql@17 with Homebrew, pgsql-17 with the RPMs.
            let version =
                ["postgresql@", "pgsql-", ""].iter().find_map(|prefix| name.strip_prefix(prefix))?;
            Some((version.parse().ok()?, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by(|left, right| right.cmp(left));
    versions.into_iter().map(|(_, directory)| directory).collect()
}

/// "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", and "18beta1" too.
fn major_of(said: &str) -> Option<u32> {
    let version = said.split("(PostgreSQL) ").nth(1)?;
    let digits = version.split(|letter: char| !letter.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// The major version that made a data directory.
pub(super) fn major_in(version_file: &Path) -> Result<u32> {
    let text = fs::read_to_string(version_file)
        .with_context(|| format!("cannot read {}", version_file.display()))?;
    text.trim().parse().with_context(|| format!("{} holds no version", version_file.display()))
}

fn remedies(seen: &[Binaries], data_major: Option<u32>) -> String {
    let mut text = match data_major {
        Some(major) => format!("PostgreSQL {major}, which made this data directory, is not installed"),
        None => format!(
            "PostgreSQL {OLDEST_MAJOR} or newer (postgres, initdb, pg_ctl) is not installed, and DATABASE_URL is not set"
        ),
    };
    for Binaries { directory, major } in seen {
        let _ = write!(text, "\n  found, but of version {major}: {}", directory.display());
    }
    let wanted = data_major.map_or(String::new(), |major| format!("-{major}"));
    let brew = data_major.unwrap_or(17);
    let _ = write!(
        text,
        "\nOne of these helps:\
         \n  Debian, Ubuntu:  apt-get install postgresql{wanted}\
         \n  Fedora, RHEL:    dnf install postgresql-server\
         \n  macOS:           brew install postgresql@{brew}\
         \n  elsewhere:       LEDGER_POSTGRES_BIN=/the/directory/of/its/programs\
         \n  another server:  DATABASE_URL=postgres://…, after `ledger migrate` as its owner"
    );
    if data_major.is_none() {
        text.push_str("\n  downloaded:      cargo build --release --features bundled-postgres");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_what_postgres_says() {
        let majors = [
            "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)",
            "postgres (PostgreSQL) 18beta1",
            "postgres (PostgreSQL) 9.6.24",
            "something else",
        ]
        .map(major_of);

        assert_eq!(majors, [Some(15), Some(18), Some(9), None]);
    }

    #[test]
    fn without_programs_the_message_names_the_remedies() {
        let error = choose(&["/nowhere".into()], None).unwrap_err().to_string();

        for remedy in
            ["apt-get install postgresql", "brew install postgresql@", "DATABASE_URL", "bundled-postgres"]
        {
            assert!(error.contains(remedy), "{remedy} is missing: {error}");
        }
    }

    #[test]
    fn data_of_a_version_that_is_gone_asks_for_that_version() {
        let error = choose(&[], Some(16)).unwrap_err().to_string();

        assert!(error.contains("PostgreSQL 16, which made this data directory"), "{error}");
        assert!(error.contains("apt-get install postgresql-16"), "{error}");
    }
}
