//! The service in one process: what its requests share, the routes over it, and the socket under them.

use axum::Router;
use ledger_core::{Label, Ledger, LedgerError};
use sqlx::{Connection, PgConnection};
use tokio::net::TcpListener;

pub use crate::rules::access::OperatorRole;
use crate::{
    config::Limits,
    router,
    secret::{KeyKind, Secret},
    server,
    state::Shared,
    store::{NewOperator, Scope, Store},
    telemetry,
};

/// The reference of all routes, OpenAPI as JSON: what `/openapi.json` serves.
///
/// # Panics
/// Never: a reference is plain JSON.
#[must_use]
pub fn reference() -> String {
    router::reference().to_json().expect("a reference is plain JSON")
}

/// Makes an operator on the machine itself, for when nobody is left who could. Answers with the key.
///
/// # Errors
/// When the url does not log in as the owner of the tables or a superuser.
pub async fn create_operator(
    owner_url: &str,
    name: Label,
    role: OperatorRole,
    created_by: Label,
) -> anyhow::Result<Secret> {
    let secret = Secret::generate(KeyKind::Operator);
    let new = NewOperator { name: name.into(), role, digest: secret.digest(), created_by: created_by.into() };
    let mut owner = PgConnection::connect(owner_url).await?;
    new.insert_as_owner(&mut owner).await?;
    owner.close().await?;
    Ok(secret)
}

/// The running service. Cheap to clone; every clone is the same service.
#[derive(Clone)]
pub struct App {
    shared: Shared,
}

impl App {
    /// Starts the service on a ledger and the database that it stands on.
    ///
    /// # Errors
    /// [`LedgerError::Unsafe`] when the url is none.
    pub fn start(ledger: Ledger, database_url: &str, limits: Limits) -> Result<Self, LedgerError> {
        telemetry::install_metrics();
        let store = Store::connect(database_url, limits.store_connections_max)?;
        Ok(Self { shared: Shared::new(ledger, store, limits) })
    }

    /// Everything that it answers.
    pub fn router(&self) -> Router {
        router::router(&self.shared)
    }

    /// Makes the first operator, an admin with this key, unless there is an operator already. Says whether it did.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] when the database does not answer.
    pub async fn seed_operator(&self, key: &Secret) -> Result<bool, LedgerError> {
        self.shared.store().insert_first_operator(Scope::Platform, key.digest()).await.map_err(Into::into)
    }

    /// Whether anybody could administer this service.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] when the database does not answer.
    pub async fn has_operators(&self) -> Result<bool, LedgerError> {
        self.shared.store().has_operators(Scope::Platform).await.map_err(Into::into)
    }

    /// Serves until `stop`, then answers what is in flight.
    pub async fn serve(&self, listener: TcpListener, stop: impl Future<Output = ()>) {
        let spare = router::spare(&self.shared);
        server::serve(listener, self.router(), spare, self.shared.limits(), stop).await;
    }

    /// Answers what waits in the lanes, and hangs up on the database.
    pub async fn close(&self) {
        self.shared.ledger().close().await;
        self.shared.store().close().await;
    }
}
