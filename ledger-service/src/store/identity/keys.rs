//! Virtual keys: what a customer's programs carry. Only their digests are kept.

use chrono::{DateTime, Utc};
use ledger_core::RealmId;
use serde::Serialize;
use sqlx::FromRow;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Tenant, User};
use crate::{
    secret::KeyDigest,
    store::{Noun, PageKey, Scope, Store, StoreError, bigint, new_id},
};

const INSERT: &str = "
insert into virtual_keys (key_id, user_id, realm_id, name, digest, created_by) values ($1, $2, $3, $4, $5, $6)
returning *";
// A revoked key stays revoked: there is nothing in it to change any more.
const UPDATE: &str = "
update virtual_keys
set name = coalesce($3, name), digest = coalesce($4, digest),
    revoked_at = case when $5::text is null then null else clock_timestamp() end, revoked_by = $5,
    version = version + 1, updated_at = clock_timestamp()
where key_id = $1 and version = coalesce($2, version) and revoked_at is null
returning *";

/// A virtual key, without the key.
#[derive(FromRow, Serialize, ToSchema)]
#[schema(as = KeyResponse)]
pub(crate) struct Key {
    #[sqlx(rename = "key_id")]
    id: Uuid,
    #[serde(skip)]
    realm_id: Uuid,
    user_id: Uuid,
    name: String,
    #[sqlx(try_from = "i64")]
    pub(crate) version: u64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// When it was taken out of use, for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    revoked_at: Option<DateTime<Utc>>,
}

impl Noun for Key {
    const TABLE: &'static str = "virtual_keys";
    const ID: &'static str = "key_id";
    fn realm(&self) -> Option<RealmId> {
        Some(RealmId(self.realm_id))
    }
    fn page_key(&self) -> PageKey {
        PageKey { created_at: self.created_at, id: self.id }
    }
    fn is_over(&self) -> bool {
        self.revoked_at.is_some()
    }
}

/// What is to change; what is absent stays.
#[derive(Default)]
pub(crate) struct KeyChange {
    pub(crate) if_version: Option<u64>,
    pub(crate) name: Option<String>,
    pub(crate) digest: Option<KeyDigest>,
    /// Who takes it out of use.
    pub(crate) revoked_by: Option<String>,
}

impl Store {
    pub(crate) async fn insert_key(
        &self,
        scope: Scope,
        user: Uuid,
        name: String,
        digest: KeyDigest,
        created_by: String,
    ) -> Result<Key, StoreError> {
        let user = self.find::<User>(scope, user).await.map_err(|error| error.named_at("/user_id"))?;
        if let Some(tenant) = user.tenant_id {
            self.find::<Tenant>(scope, tenant).await?.expect_not_deleted()?;
        }
        let insert = sqlx::query_as(INSERT).bind(new_id()).bind(user.id).bind(user.realm_id).bind(name);
        self.insert(RealmId(user.realm_id), insert.bind(digest.to_vec()).bind(created_by)).await
    }

    /// Changes a key in use. A revoked one is not found.
    pub(crate) async fn update_key(
        &self,
        scope: Scope,
        id: Uuid,
        change: KeyChange,
    ) -> Result<Key, StoreError> {
        let update = sqlx::query_as(UPDATE).bind(id).bind(change.if_version.map(bigint)).bind(change.name);
        let update = update.bind(change.digest.map(KeyDigest::to_vec)).bind(change.revoked_by);
        self.update(scope, id, update).await
    }
}
