//! Users: people, each alone or the member of one tenant.

use ledger_core::{Timestamp, in_realm};
use sqlx::{FromRow, Row, postgres::PgRow};
use uuid::Uuid;

use crate::store::{After, Store, StoreError, bigint, new_id, realm_of, unmoved};

const INSERT: &str = "insert into users (user_id, tenant_id, email, full_name, created_by) values ($1, $2, $3, $4, $5) returning *";
const SELECT: &str = "select * from users where user_id = $1";
const LIST: &str = "
select * from users
where ($1::uuid is null or (realm_id = $1 and tenant_id = $1))
  and ($2::timestamptz is null or (created_at, user_id) > ($2, $3))
order by created_at, user_id limit $4";
const UPDATE: &str = "
update users set full_name = coalesce($3, full_name), version = version + 1, updated_at = clock_timestamp()
where user_id = $1 and version = coalesce($2, version)
returning *";

/// A user as they are kept.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) id: Uuid,
    pub(crate) tenant_id: Option<Uuid>,
    pub(crate) email: String,
    pub(crate) full_name: String,
    pub(crate) version: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// A user to be.
pub(crate) struct NewUser {
    pub(crate) tenant_id: Option<Uuid>,
    /// In its canonical form.
    pub(crate) email: String,
    pub(crate) full_name: String,
    pub(crate) created_by: String,
}

/// What is to change; what is absent stays.
pub(crate) struct UserChange {
    pub(crate) if_version: Option<u64>,
    pub(crate) full_name: Option<String>,
}

impl Store {
    pub(crate) async fn insert_user(&self, new: NewUser) -> Result<User, StoreError> {
        let id = new_id();
        let realm = realm_of(new.tenant_id.unwrap_or(id));
        let inserted = in_realm(&self.app, realm, move |connection| {
            let insert =
                sqlx::query_as(INSERT).bind(id).bind(new.tenant_id).bind(new.email).bind(new.full_name);
            Box::pin(insert.bind(new.created_by).fetch_one(connection))
        });
        Ok(inserted.await?)
    }

    pub(crate) async fn select_user(&self, id: Uuid) -> Result<User, StoreError> {
        let realm = self.realm_of_user(id).await?;
        let found = in_realm(&self.app, realm, move |connection| {
            Box::pin(sqlx::query_as(SELECT).bind(id).fetch_optional(connection))
        });
        found.await?.ok_or(StoreError::NotFound)
    }

    /// All users, or the members of one tenant.
    pub(crate) async fn list_users(
        &self,
        tenant: Option<Uuid>,
        after: After,
        limit: u32,
    ) -> Result<Vec<User>, StoreError> {
        let list = sqlx::query_as(LIST).bind(tenant).bind(after.created_at).bind(after.id);
        Ok(list.bind(i64::from(limit)).fetch_all(&self.auditor).await?)
    }

    pub(crate) async fn update_user(&self, id: Uuid, change: UserChange) -> Result<User, StoreError> {
        let realm = self.realm_of_user(id).await?;
        let updated = in_realm(&self.app, realm, move |connection| {
            let update = sqlx::query_as(UPDATE).bind(id).bind(change.if_version.map(bigint));
            Box::pin(update.bind(change.full_name).fetch_optional(connection))
        });
        updated.await?.ok_or_else(|| unmoved(change.if_version))
    }
}

impl FromRow<'_, PgRow> for User {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("user_id")?,
            tenant_id: row.try_get("tenant_id")?,
            email: row.try_get("email")?,
            full_name: row.try_get("full_name")?,
            version: row.try_get::<i64, _>("version")?.unsigned_abs(),
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}
