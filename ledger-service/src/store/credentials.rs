//! What must be known before a realm is: whose key a digest is, and in which realm a named object lies. The only file that
//! reads as `ledger_auth`, which can see these columns and nothing else.

use ledger_core::{Owner, RealmId};
use sqlx::Row;
use uuid::Uuid;

use super::{Store, StoreError};
use crate::secret::KeyDigest;

const OPERATOR: &str = "select operator_id, role from operators where digest = $1 and revoked_at is null";
const GATEWAY: &str = "select gateway_id from gateways where digest = $1 and revoked_at is null";
const VIRTUAL_KEY: &str = "
select k.key_id, k.user_id, u.tenant_id, t.status
from virtual_keys k join users u on u.user_id = k.user_id left join tenants t on t.tenant_id = u.tenant_id
where k.digest = $1 and k.revoked_at is null";
const REALM_OF_USER: &str = "select realm_id from users where user_id = $1";
const REALM_OF_KEY: &str = "select realm_id from virtual_keys where key_id = $1";
const TENANT: &str = "select tenant_id from tenants where tenant_id = $1";

/// What an operator may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OperatorRole {
    Admin,
    Cashier,
    Auditor,
}

impl OperatorRole {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Cashier => "cashier",
            Self::Auditor => "auditor",
        }
    }

    pub(super) fn parse(name: &str) -> sqlx::Result<Self> {
        match name {
            "admin" => Ok(Self::Admin),
            "cashier" => Ok(Self::Cashier),
            "auditor" => Ok(Self::Auditor),
            _ => Err(sqlx::Error::Decode("an unknown role".into())),
        }
    }
}

/// A virtual key in use, and who pays for it.
#[derive(Clone, Debug)]
pub(crate) struct VirtualKey {
    pub(crate) id: Uuid,
    pub(crate) user_id: Uuid,
    tenant_id: Option<Uuid>,
    /// Whether nothing new may begin.
    pub(crate) is_suspended: bool,
}

impl VirtualKey {
    /// `payer(key) = key → user; user.tenant_id ? the tenant : the user`
    pub(crate) fn payer(&self) -> Owner {
        self.tenant_id.map_or(Owner::User(self.user_id), Owner::Tenant)
    }
}

impl Store {
    pub(crate) async fn find_operator(
        &self,
        digest: KeyDigest,
    ) -> Result<Option<(Uuid, OperatorRole)>, StoreError> {
        let row = sqlx::query(OPERATOR).bind(digest.as_bytes()).fetch_optional(&self.auth).await?;
        let read = |row: sqlx::postgres::PgRow| {
            Ok::<_, sqlx::Error>((row.try_get("operator_id")?, OperatorRole::parse(row.try_get("role")?)?))
        };
        Ok(row.map(read).transpose()?)
    }

    pub(crate) async fn find_gateway(&self, digest: KeyDigest) -> Result<Option<Uuid>, StoreError> {
        Ok(sqlx::query_scalar(GATEWAY).bind(digest.as_bytes()).fetch_optional(&self.auth).await?)
    }

    pub(crate) async fn find_virtual_key(&self, digest: KeyDigest) -> Result<Option<VirtualKey>, StoreError> {
        let row = sqlx::query(VIRTUAL_KEY).bind(digest.as_bytes()).fetch_optional(&self.auth).await?;
        let Some(row) = row else { return Ok(None) };
        let status: Option<&str> = row.try_get("status")?;
        Ok(Some(VirtualKey {
            id: row.try_get("key_id")?,
            user_id: row.try_get("user_id")?,
            tenant_id: row.try_get("tenant_id")?,
            is_suspended: status.is_some_and(|status| status != "active"),
        }))
    }

    pub(super) async fn realm_of_user(&self, user: Uuid) -> Result<RealmId, StoreError> {
        self.realm(REALM_OF_USER, user).await
    }

    pub(super) async fn realm_of_key(&self, key: Uuid) -> Result<RealmId, StoreError> {
        self.realm(REALM_OF_KEY, key).await
    }

    /// Whether there is somebody who could own an account.
    pub(crate) async fn expect_owner(&self, owner: Owner) -> Result<(), StoreError> {
        let (select, id, pointer) = match owner {
            Owner::User(id) => (REALM_OF_USER, id, "/owner/user_id"),
            Owner::Tenant(id) => (TENANT, id, "/owner/tenant_id"),
        };
        self.realm(select, id).await.map(drop).map_err(|error| error.named_at(pointer))
    }

    async fn realm(&self, select: &'static str, id: Uuid) -> Result<RealmId, StoreError> {
        let realm = sqlx::query_scalar(select).bind(id).fetch_optional(&self.auth).await?;
        realm.map(RealmId).ok_or(StoreError::NotFound)
    }
}
