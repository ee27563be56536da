//! Settings, read and checked once at start.

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use crate::secret::{KeyKind, Secret};

/// What `ledger serve` can be told, on the command line or in the environment.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// The database; a private PostgreSQL is started if absent.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<DatabaseUrl>,
    /// Where the private PostgreSQL, development mail and the credentials are kept.
    #[arg(long, env = "LEDGER_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// Address to serve.
    #[arg(long, env = "LEDGER_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Key of the first operator, an admin; made at the first start if absent.
    #[arg(long, env = "LEDGER_OPERATOR_KEY", hide_env_values = true)]
    pub operator_key: Option<OperatorKey>,
    /// How this service is reached from outside, such as `https://ledger.example.com`.
    #[arg(long, env = "LEDGER_PUBLIC_URL")]
    pub public_url: Option<PublicUrl>,
    /// How often the service audits the books by itself, such as `24h`; never if absent. What does not hold is taken out of
    /// service.
    #[arg(long, env = "LEDGER_AUDIT_EVERY", value_parser = pause, value_name = "TIME")]
    pub audit_every: Option<Duration>,
    /// Connections to the database for each of the four roles of the service; the ledger has its own beside them.
    #[arg(long, env = "LEDGER_DATABASE_CONNECTIONS", default_value = "8", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub database_connections: u32,
    /// The form of the log.
    #[arg(long, env = "LEDGER_LOG", value_enum, default_value = "human")]
    pub log: LogFormat,
}

/// The least pause between two audits: each reads the whole journal.
const AUDIT_PAUSE_MIN: Duration = Duration::from_secs(60);

fn pause(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(pause) if pause >= AUDIT_PAUSE_MIN => Ok(pause),
        Ok(_) => Err("it is less than a minute".to_owned()),
        Err(error) => Err(format!("it is not of the form 24h or 30m: {error}")),
    }
}

/// The form of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For a terminal.
    #[default]
    Human,
    /// A JSON object a line.
    Json,
}

/// A PostgreSQL url, which may hold a password.
#[derive(Clone)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The url with what is secret in it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for DatabaseUrl {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            Ok(Self(text.to_owned()))
        } else {
            Err("it is not of the form postgres://user@host/database".to_owned())
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(…)")
    }
}

/// A key that begins with `op_`.
#[derive(Clone, Debug)]
pub struct OperatorKey(Secret);

impl OperatorKey {
    /// The key.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.0
    }
}

impl FromStr for OperatorKey {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let secret: Secret = text.parse().map_err(|error: crate::secret::SecretError| error.to_string())?;
        match secret.kind() {
            KeyKind::Operator => Ok(Self(secret)),
            KeyKind::Gateway | KeyKind::Virtual => Err("an operator's key begins with op_".to_owned()),
        }
    }
}

/// Scheme and host, without a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(axum::http::Uri);

impl FromStr for PublicUrl {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let url: axum::http::Uri = text.parse().map_err(|_| "it is not a url".to_owned())?;
        match (url.scheme_str(), url.authority(), url.path_and_query().map(ToString::to_string).as_deref()) {
            (Some("http" | "https"), Some(_), None | Some("/")) => Ok(Self(url)),
            _ => Err("it is not of the form https://ledger.example.com".to_owned()),
        }
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_string().trim_end_matches('/'))
    }
}

/// What one process takes upon itself before it tells callers to try again. Of what is shared, nobody gets more than is left
/// for all others.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a request's body: the largest metadata, every character escaped, fits twice.
    pub body_bytes_max: usize,
    /// Until a body must have come whole.
    pub body_timeout: Duration,
    /// Until the headers must have come whole.
    pub headers_timeout: Duration,
    /// Bytes of all bodies that are coming or being read, shared by credential.
    pub bodies_bytes_max: usize,
    /// Bytes that wait on one connection to be looked at. Headers must fit in.
    pub connection_bytes_max: usize,
    /// Open connections, shared by address.
    pub connections_max: usize,
    /// Connections beyond these, which are asked for one request only and answered about the service's health.
    pub spare_connections_max: usize,
    /// Requests at work, shared by credential.
    pub requests_max: usize,
    /// Connections to the database, for each role of the store.
    pub store_connections_max: u32,
    /// How long requests in flight may still take when the service is told to stop.
    pub drain_timeout: Duration,
}

/// Files that a process needs beside its connections: those to the database, the log, the listener.
const OTHER_FILES: usize = 256;

impl Limits {
    /// With no more connections than so many open files allow: to run out of files would shut out everybody at once.
    #[must_use]
    pub fn within_files(self, files_max: usize) -> Self {
        let connections_max =
            self.connections_max.min(files_max.saturating_sub(OTHER_FILES + self.spare_connections_max));
        Self { connections_max: connections_max.max(1), ..self }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 512 * 1024,
            body_timeout: Duration::from_secs(10),
            headers_timeout: Duration::from_secs(10),
            bodies_bytes_max: 32 * 1024 * 1024,
            connection_bytes_max: 16 * 1024,
            connections_max: 8_192,
            spare_connections_max: 256,
            requests_max: 4_096,
            store_connections_max: 8,
            drain_timeout: Duration::from_secs(30),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_checked_and_a_secret_in_it_not_shown() {
        let url: DatabaseUrl = "postgres://u:hunter2@h/d".parse().unwrap();
        assert!(!format!("{url:?}").contains("hunter2"));
        assert!("mysql://h".parse::<DatabaseUrl>().is_err());
        let key = Secret::generate(KeyKind::Operator);
        let key: OperatorKey = key.reveal().parse().unwrap();
        assert!(!format!("{key:?}").contains(key.secret().reveal()));
        assert!(Secret::generate(KeyKind::Gateway).reveal().parse::<OperatorKey>().is_err());
        assert_eq!(pause("24h"), Ok(Duration::from_secs(86_400)));
        assert!(pause("1s").is_err() && pause("often").is_err());
        assert!("https://ledger.example.com/".parse::<PublicUrl>().is_ok());
        for text in ["", "ledger", "ftp://h", "https://h/path", "https://h?x"] {
            assert!(text.parse::<PublicUrl>().is_err(), "{text:?}");
        }
    }
}
