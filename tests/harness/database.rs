//! A migrated database of its own for each test, cloned from a template that is made once.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    str::FromStr,
};

use sqlx::{
    ConnectOptions, Connection, Executor, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};
use uuid::Uuid;

/// The server's own lock number under which the template is made.
const TEMPLATE_LOCK: i64 = 0x6c65_6467_6572;

/// A migrated database. It goes with the throw-away server that `make test` runs on.
pub struct TestDb {
    server: PgConnectOptions,
    name: String,
}

impl TestDb {
    /// A fresh copy of the migrated template on the server that `DATABASE_URL` names.
    #[expect(clippy::disallowed_methods, reason = "a name that no other test has")]
    pub async fn create() -> Self {
        let url =
            std::env::var("DATABASE_URL").expect("DATABASE_URL names a server to test on: run `make test`");
        let server = PgConnectOptions::from_str(&url)
            .expect("DATABASE_URL is a PostgreSQL url")
            .ssl_mode(PgSslMode::Disable);
        let db = Self { server, name: format!("test_{}", Uuid::new_v4().simple()) };
        let template = template();
        let mut admin = PgConnection::connect_with(&db.server).await.expect("the test server answers");
        sqlx::query("select pg_advisory_lock($1)").bind(TEMPLATE_LOCK).execute(&mut admin).await.unwrap();
        let exists = sqlx::query("select 1 from pg_database where datname = $1").bind(&template);
        if exists.fetch_optional(&mut admin).await.unwrap().is_none() {
            let making = format!("{template}_making");
            admin.execute(format!("drop database if exists {making}").as_str()).await.unwrap();
            admin.execute(format!("create database {making}").as_str()).await.unwrap();
            ledger_core::migrate(&db.url_of(&making, None)).await.expect("the migrations run");
            admin.execute(format!("alter database {making} rename to {template}").as_str()).await.unwrap();
        }
        admin.execute(format!("create database {} template {template}", db.name).as_str()).await.unwrap();
        admin.close().await.unwrap();
        db
    }

    /// The url that a ledger logs in with: unprivileged, as in production.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of(&self.name, Some("ledger_service"))
    }

    /// The url of the server's superuser, for migrations, dumps and tampering behind the ledger's back.
    #[must_use]
    pub fn superuser_url(&self) -> String {
        self.url_of(&self.name, None)
    }

    /// A connection that may do anything.
    pub async fn superuser(&self) -> PgConnection {
        PgConnection::connect_with(&self.server.clone().database(&self.name))
            .await
            .expect("the test server answers")
    }

    /// A connection as the service has it, for one of the roles that it may become.
    pub async fn login(&self, role: &str) -> PgConnection {
        let options: PgConnectOptions = self.url().parse().expect("our own url");
        options.options([("role", role)]).connect().await.expect("the test server answers")
    }

    /// Runs SQL past every guard: no triggers, no row security.
    pub async fn tamper(&self, sql: &str) {
        let mut superuser = self.superuser().await;
        superuser.execute("set session_replication_role = replica").await.unwrap();
        let done = superuser.execute(sql).await.unwrap();
        assert!(done.rows_affected() > 0, "the tampering touched nothing: {sql}");
        superuser.close().await.unwrap();
    }

    /// Removes the database, cutting whoever is still connected.
    pub async fn remove(self) {
        self.cut().await;
    }

    /// The same, with something still to be asked of it in vain.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn cut(&self) {
        let mut admin = PgConnection::connect_with(&self.server).await.expect("the test server answers");
        admin.execute(format!("drop database {} with (force)", self.name).as_str()).await.unwrap();
        admin.close().await.unwrap();
    }

    fn url_of(&self, database: &str, login: Option<&str>) -> String {
        let options = self.server.clone().database(database);
        let options = login.into_iter().fold(options, PgConnectOptions::username);
        let mut url = options.to_url_lossy();
        // sqlx writes its own settings into the url, and other clients refuse what they do not know.
        let known: Vec<_> =
            url.query_pairs().into_owned().filter(|(name, _)| name != "statement-cache-capacity").collect();
        url.query_pairs_mut().clear().extend_pairs(known);
        url.to_string()
    }
}

/// The template's name follows from the migrations, so that a changed one is never tested against an old schema.
fn template() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut hasher = DefaultHasher::new();
    files.iter().for_each(|file| fs::read(file).unwrap().hash(&mut hasher));
    format!("ledger_template_{:016x}", hasher.finish())
}
