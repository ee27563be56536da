//! What must be known before a realm is: whose key a digest is, and in which realm a named object lies. The only file that
//! reads as `ledger_auth`, which can see these columns and nothing else.

use ledger_core::{AccountId, Owner, RealmId};
use sqlx::{PgPool, Row, postgres::PgRow};
use uuid::Uuid;

use super::{Noun, Scope, Store, StoreError, Tenant, TenantStatus, User, lookups::Lookups};
use crate::{
    rules::access::{OperatorRole, VirtualKey},
    secret::KeyDigest,
};

// A rotated key may stand in for the new one for a while: then both digests find the same row.
const OPERATOR: &str = "
select operator_id, role, digest, case when previous_until > clock_timestamp() then previous_digest end as previous,
    revoked_at is not null as is_revoked
from operators where digest = any($1) or previous_digest = any($1)";
const GATEWAY: &str = "
select gateway_id, digest, case when previous_until > clock_timestamp() then previous_digest end as previous,
    revoked_at is not null as is_revoked
from gateways where digest = any($1) or previous_digest = any($1)";
const VIRTUAL_KEY: &str = "
select k.key_id, k.user_id, u.tenant_id, t.status, k.digest, k.revoked_at is not null as is_revoked
from virtual_keys k join users u on u.user_id = k.user_id left join tenants t on t.tenant_id = u.tenant_id
where k.digest = any($1)";
const STANDING: &str = "select account_id, status from account_standing where account_id = any($1)";

/// Whose key it is, or was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder<T> {
    pub(crate) holder: T,
    /// Whoever holds a revoked one still learns what became of their own calls.
    pub(crate) is_revoked: bool,
}

/// The lookups of each kind of key, and of how the owner of an account stands.
#[derive(Clone, Debug)]
pub(super) struct Credentials {
    operators: Lookups<Vec<u8>, Holder<(Uuid, OperatorRole)>>,
    gateways: Lookups<Vec<u8>, Holder<Uuid>>,
    virtual_keys: Lookups<Vec<u8>, Holder<VirtualKey>>,
    standings: Lookups<Uuid, TenantStatus>,
}

impl Credentials {
    pub(super) fn start(auth: &PgPool) -> Self {
        Self {
            operators: Lookups::start(auth.clone(), OPERATOR, |row| {
                let role: String = row.try_get("role")?;
                let role = role.try_into().map_err(|error: String| sqlx::Error::Decode(error.into()))?;
                Ok((digests(row)?, held(row, (row.try_get("operator_id")?, role))?))
            }),
            gateways: Lookups::start(auth.clone(), GATEWAY, |row| {
                Ok((digests(row)?, held(row, row.try_get("gateway_id")?)?))
            }),
            virtual_keys: Lookups::start(auth.clone(), VIRTUAL_KEY, |row| {
                let status: Option<TenantStatus> = row.try_get("status")?;
                let key = VirtualKey {
                    id: row.try_get("key_id")?,
                    user_id: row.try_get("user_id")?,
                    tenant_id: row.try_get("tenant_id")?,
                    is_suspended: status.is_some_and(|status| status.expect_may_begin().is_err()),
                };
                Ok((vec![row.try_get("digest")?], held(row, key)?))
            }),
            standings: Lookups::start(auth.clone(), STANDING, |row| {
                Ok((vec![row.try_get("account_id")?], row.try_get("status")?))
            }),
        }
    }
}

fn digests(row: &PgRow) -> sqlx::Result<Vec<Vec<u8>>> {
    let previous: Option<Vec<u8>> = row.try_get("previous")?;
    Ok([row.try_get("digest")?].into_iter().chain(previous).collect())
}

fn held<T>(row: &PgRow, holder: T) -> sqlx::Result<Holder<T>> {
    Ok(Holder { holder, is_revoked: row.try_get("is_revoked")? })
}

/// These come before any scope: they are what it follows from.
impl Store {
    pub(crate) async fn find_operator(
        &self,
        digest: KeyDigest,
    ) -> Result<Option<Holder<(Uuid, OperatorRole)>>, StoreError> {
        self.credentials.operators.find(digest.to_vec()).await
    }

    pub(crate) async fn find_gateway(&self, digest: KeyDigest) -> Result<Option<Holder<Uuid>>, StoreError> {
        self.credentials.gateways.find(digest.to_vec()).await
    }

    pub(crate) async fn find_virtual_key(
        &self,
        digest: KeyDigest,
    ) -> Result<Option<Holder<VirtualKey>>, StoreError> {
        self.credentials.virtual_keys.find(digest.to_vec()).await
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

    /// Whether anything new may begin on this account. For one that is absent there is nobody who could forbid it.
    pub(crate) async fn expect_may_begin(&self, account: AccountId) -> Result<(), StoreError> {
        let standing = self.credentials.standings.find(account.0).await?;
        standing.map_or(Ok(()), TenantStatus::expect_may_begin)
    }

    /// Who is to own an account: somebody who exists, who pays for themselves, and who may begin something new.
    pub(crate) async fn expect_owner(&self, scope: Scope, owner: Owner) -> Result<(), StoreError> {
        let named_at = |pointer| move |error: StoreError| error.named_at(pointer);
        match owner {
            Owner::User(id) => {
                let user = self.find::<User>(scope, id).await.map_err(named_at("/owner/user_id"))?;
                if user.tenant_id.is_some() { Err(StoreError::OwnerIsMember) } else { Ok(()) }
            }
            Owner::Tenant(id) => {
                let tenant = self.find::<Tenant>(scope, id).await.map_err(named_at("/owner/tenant_id"))?;
                tenant.status.expect_may_begin()
            }
        }
    }
}
