//! Who there is: tenants, users, keys, operators and gateways in PostgreSQL. Knows no HTTP.

mod credentials;
mod identity;
mod lookups;
mod platform;
mod rows;
mod scope;

use ledger_core::{LedgerError, Role, connect_as};
use sqlx::PgPool;
use uuid::Uuid;

use self::credentials::Credentials;
pub(crate) use self::{
    identity::{Key, KeyChange, NewTenant, NewUser, Tenant, TenantChange, TenantStatus, User, UserChange},
    platform::{Gateway, NewOperator, Operator},
    rows::{Noun, PageKey, Span},
    scope::Scope,
};

/// The tables of identity. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    /// One realm at a time.
    app: PgPool,
    /// Before a realm is known; used in `credentials` alone.
    auth: PgPool,
    credentials: Credentials,
    /// Lists across realms.
    auditor: PgPool,
    /// Operators and gateways.
    platform: PgPool,
}

/// Why the store did not do as asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("not found")]
    NotFound,
    #[error("it has changed since that version")]
    Stale,
    #[error("the e-mail address is taken")]
    EmailTaken,
    #[error("the slug is taken")]
    SlugTaken,
    #[error("it is the last admin")]
    LastAdmin,
    #[error("the tenant is suspended or deleted")]
    Suspended,
    #[error("the tenant pays for its members")]
    OwnerIsMember,
    /// With a pointer to who was named.
    #[error("there is nobody with the id at {0}")]
    OwnerNotFound(&'static str),
    #[error(transparent)]
    Unavailable(LedgerError),
}

impl StoreError {
    /// What was not found is who the request names there.
    fn named_at(self, pointer: &'static str) -> Self {
        if let Self::NotFound = self { Self::OwnerNotFound(pointer) } else { self }
    }
}

impl From<LedgerError> for StoreError {
    fn from(error: LedgerError) -> Self {
        let constraint = if let LedgerError::Unavailable(Some(sqlx::Error::Database(refused))) = &error {
            refused.constraint()
        } else {
            None
        };
        match constraint {
            Some("users_email_key") => Self::EmailTaken,
            Some("tenants_slug_key") => Self::SlugTaken,
            Some("users_tenant_id_fkey") => Self::OwnerNotFound("/tenant_id"),
            _ => Self::Unavailable(error),
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        LedgerError::from(error).into()
    }
}

impl Store {
    /// Up to so many connections for each of its four roles.
    pub(crate) fn connect(url: &str, connections: u32) -> Result<Self, LedgerError> {
        let pool = |role| connect_as(url, role, connections);
        let auth = pool(Role::Auth)?;
        Ok(Self {
            app: pool(Role::App)?,
            credentials: Credentials::start(&auth),
            auth,
            auditor: pool(Role::AllRealms)?,
            platform: pool(Role::Platform)?,
        })
    }

    pub(crate) async fn close(&self) {
        for pool in [&self.app, &self.auth, &self.auditor, &self.platform] {
            pool.close().await;
        }
    }
}

/// The id of something new.
#[expect(clippy::disallowed_methods, reason = "nothing is decided by it, and a retry makes another thing")]
fn new_id() -> Uuid {
    Uuid::new_v4()
}

/// A version for a bigint column. What does not fit is no version of ours.
fn bigint(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

impl From<StoreError> for LedgerError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(error) => error,
            StoreError::NotFound | StoreError::OwnerNotFound(_) => Self::NotFound,
            StoreError::Stale
            | StoreError::EmailTaken
            | StoreError::SlugTaken
            | StoreError::LastAdmin
            | StoreError::Suspended
            | StoreError::OwnerIsMember => Self::Stale,
        }
    }
}
