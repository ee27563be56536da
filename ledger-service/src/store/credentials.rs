//! What must be known before a realm is: whose key a digest is, and in which realm a named object lies. The only file that
//! reads as `ledger_auth`, which can see these columns and nothing else.

use ledger_core::{Owner, RealmId};
use sqlx::Row;
use uuid::Uuid;

use super::{Noun, Scope, Store, StoreError, Tenant, User};
use crate::{
    rules::access::{OperatorRole, VirtualKey},
    secret::KeyDigest,
};

const OPERATOR: &str = "
select operator_id, role from operators
where (digest = $1 or (previous_digest = $1 and previous_until > clock_timestamp())) and revoked_at is null";
const GATEWAY: &str = "
select gateway_id from gateways
where (digest = $1 or (previous_digest = $1 and previous_until > clock_timestamp())) and revoked_at is null";
const VIRTUAL_KEY: &str = "
select k.key_id, k.user_id, u.tenant_id, t.status
from virtual_keys k join users u on u.user_id = k.user_id left join tenants t on t.tenant_id = u.tenant_id
where k.digest = $1 and k.revoked_at is null";

/// These come before any scope: they are what it follows from.
impl Store {
    pub(crate) async fn find_operator(
        &self,
        digest: KeyDigest,
    ) -> Result<Option<(Uuid, OperatorRole)>, StoreError> {
        let row = sqlx::query(OPERATOR).bind(digest.as_bytes()).fetch_optional(&self.auth).await?;
        let Some(row) = row else { return Ok(None) };
        let role: String = row.try_get("role")?;
        let role = role.try_into().map_err(|error: String| sqlx::Error::Decode(error.into()))?;
        Ok(Some((row.try_get("operator_id")?, role)))
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

    /// The realm to look in: the scope's own, or for the platform that of what is named.
    pub(super) async fn realm_of<N: Noun>(&self, scope: Scope, id: Uuid) -> Result<RealmId, StoreError> {
        match scope {
            Scope::Realm(realm) => Ok(realm),
            Scope::Platform => {
                let select = format!("select realm_id from {} where {} = $1", N::TABLE, N::ID);
                let realm = sqlx::query_scalar(&select).bind(id).fetch_optional(&self.auth).await?;
                realm.map(RealmId).ok_or(StoreError::NotFound)
            }
        }
    }

    /// Whether there is somebody who could own an account.
    pub(crate) async fn expect_owner(&self, scope: Scope, owner: Owner) -> Result<(), StoreError> {
        let (found, pointer) = match owner {
            Owner::User(id) => (self.find::<User>(scope, id).await.map(drop), "/owner/user_id"),
            Owner::Tenant(id) => (self.find::<Tenant>(scope, id).await.map(drop), "/owner/tenant_id"),
        };
        found.map_err(|error| error.named_at(pointer))
    }
}
