//! Virtual keys: what a customer's programs carry. Only their digests are kept.

use ledger_core::{Timestamp, in_realm};
use sqlx::{FromRow, Row, postgres::PgRow};
use uuid::Uuid;

use crate::{
    secret::KeyDigest,
    store::{After, Store, StoreError, bigint, new_id, unmoved},
};

const INSERT: &str = "
insert into virtual_keys (key_id, user_id, realm_id, name, digest, created_by) values ($1, $2, $3, $4, $5, $6)
returning *";
const SELECT: &str = "select * from virtual_keys where key_id = $1";
const LIST: &str = "
select * from virtual_keys
where ($1::uuid is null or user_id = $1) and ($2::timestamptz is null or (created_at, key_id) > ($2, $3))
order by created_at, key_id limit $4";
// A revoked key stays revoked: there is nothing in it to change any more.
const UPDATE: &str = "
update virtual_keys
set name = coalesce($3, name), digest = coalesce($4, digest),
    revoked_at = case when $5::text is null then null else clock_timestamp() end, revoked_by = $5,
    version = version + 1, updated_at = clock_timestamp()
where key_id = $1 and version = coalesce($2, version) and revoked_at is null
returning *";

/// A virtual key as it is kept: without the key.
#[derive(Clone, Debug)]
pub(crate) struct StoredKey {
    pub(crate) id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) name: String,
    pub(crate) version: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) revoked_at: Option<Timestamp>,
}

/// A key to be.
pub(crate) struct NewKey {
    pub(crate) user_id: Uuid,
    pub(crate) name: String,
    pub(crate) digest: KeyDigest,
    pub(crate) created_by: String,
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
    pub(crate) async fn insert_key(&self, new: NewKey) -> Result<StoredKey, StoreError> {
        let realm = self.realm_of_user(new.user_id).await.map_err(|error| error.named_at("/user_id"))?;
        let inserted = in_realm(&self.app, realm, move |connection| {
            Box::pin(async move {
                let insert =
                    sqlx::query_as(INSERT).bind(new_id()).bind(new.user_id).bind(realm.0).bind(new.name);
                insert.bind(new.digest.as_bytes()).bind(new.created_by).fetch_one(connection).await
            })
        });
        Ok(inserted.await?)
    }

    pub(crate) async fn select_key(&self, id: Uuid) -> Result<StoredKey, StoreError> {
        let realm = self.realm_of_key(id).await?;
        let found = in_realm(&self.app, realm, move |connection| {
            Box::pin(sqlx::query_as(SELECT).bind(id).fetch_optional(connection))
        });
        found.await?.ok_or(StoreError::NotFound)
    }

    /// All keys, or those of one user.
    pub(crate) async fn list_keys(
        &self,
        user: Option<Uuid>,
        after: After,
        limit: u32,
    ) -> Result<Vec<StoredKey>, StoreError> {
        let list = sqlx::query_as(LIST).bind(user).bind(after.created_at).bind(after.id);
        Ok(list.bind(i64::from(limit)).fetch_all(&self.auditor).await?)
    }

    /// Changes a key in use. A revoked one is not found.
    pub(crate) async fn update_key(&self, id: Uuid, change: KeyChange) -> Result<StoredKey, StoreError> {
        let realm = self.realm_of_key(id).await?;
        if self.select_key(id).await?.revoked_at.is_some() {
            return Err(StoreError::NotFound);
        }
        let updated = in_realm(&self.app, realm, move |connection| {
            Box::pin(async move {
                let update =
                    sqlx::query_as(UPDATE).bind(id).bind(change.if_version.map(bigint)).bind(change.name);
                let update = update.bind(change.digest.as_ref().map(KeyDigest::as_bytes));
                update.bind(change.revoked_by).fetch_optional(connection).await
            })
        });
        updated.await?.ok_or_else(|| unmoved(change.if_version))
    }
}

impl FromRow<'_, PgRow> for StoredKey {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("key_id")?,
            user_id: row.try_get("user_id")?,
            name: row.try_get("name")?,
            version: row.try_get::<i64, _>("version")?.unsigned_abs(),
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
            revoked_at: row.try_get("revoked_at")?,
        })
    }
}
