//! What must be known before a realm is: whose key a digest is, and in which realm a named object lies. The only file that
//! reads as `ledger_auth`, which can see these columns and nothing else.

use ledger_core::{Owner, RealmId};
use sqlx::{PgPool, Row, postgres::PgRow};
use uuid::Uuid;

use super::{Noun, Scope, Store, StoreError, Tenant, User, lookups::Lookups};
use crate::{
    rules::access::{OperatorRole, VirtualKey},
    secret::KeyDigest,
};

// A rotated key may stand in for the new one for a while: then both digests find the same row.
const OPERATOR: &str = "
select operator_id, role, digest, case when previous_until > clock_timestamp() then previous_digest end as previous
from operators where (digest = any($1) or previous_digest = any($1)) and revoked_at is null";
const GATEWAY: &str = "
select gateway_id, digest, case when previous_until > clock_timestamp() then previous_digest end as previous
from gateways where (digest = any($1) or previous_digest = any($1)) and revoked_at is null";
const VIRTUAL_KEY: &str = "
select k.key_id, k.user_id, u.tenant_id, t.status, k.digest
from virtual_keys k join users u on u.user_id = k.user_id left join tenants t on t.tenant_id = u.tenant_id
where k.digest = any($1) and k.revoked_at is null";

/// The lookups of each kind of key.
#[derive(Clone, Debug)]
pub(super) struct Credentials {
    operators: Lookups<(Uuid, OperatorRole)>,
    gateways: Lookups<Uuid>,
    virtual_keys: Lookups<VirtualKey>,
}

impl Credentials {
    pub(super) fn start(auth: &PgPool) -> Self {
        Self {
            operators: Lookups::start(auth.clone(), OPERATOR, |row| {
                let role: String = row.try_get("role")?;
                let role = role.try_into().map_err(|error: String| sqlx::Error::Decode(error.into()))?;
                Ok((digests(row)?, (row.try_get("operator_id")?, role)))
            }),
            gateways: Lookups::start(auth.clone(), GATEWAY, |row| {
                Ok((digests(row)?, row.try_get("gateway_id")?))
            }),
            virtual_keys: Lookups::start(auth.clone(), VIRTUAL_KEY, |row| {
                let status: Option<&str> = row.try_get("status")?;
                let key = VirtualKey {
                    id: row.try_get("key_id")?,
                    user_id: row.try_get("user_id")?,
                    tenant_id: row.try_get("tenant_id")?,
                    is_suspended: status.is_some_and(|status| status != "active"),
                };
                Ok((vec![row.try_get("digest")?], key))
            }),
        }
    }
}

fn digests(row: &PgRow) -> sqlx::Result<Vec<Vec<u8>>> {
    let previous: Option<Vec<u8>> = row.try_get("previous")?;
    Ok([row.try_get("digest")?].into_iter().chain(previous).collect())
}

/// These come before any scope: they are what it follows from.
impl Store {
    pub(crate) async fn find_operator(
        &self,
        digest: KeyDigest,
    ) -> Result<Option<(Uuid, OperatorRole)>, StoreError> {
        self.credentials.operators.find(digest).await
    }

    pub(crate) async fn find_gateway(&self, digest: KeyDigest) -> Result<Option<Uuid>, StoreError> {
        self.credentials.gateways.find(digest).await
    }

    pub(crate) async fn find_virtual_key(&self, digest: KeyDigest) -> Result<Option<VirtualKey>, StoreError> {
        self.credentials.virtual_keys.find(digest).await
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
