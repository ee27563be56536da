//! Users: people, each alone or the member of one tenant.

use chrono::{DateTime, Utc};
use ledger_core::RealmId;
use serde::Serialize;
use sqlx::FromRow;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Tenant;
use crate::store::{Noun, PageKey, Scope, Store, StoreError, bigint, new_id};

const INSERT: &str = "
insert into users (user_id, tenant_id, email, full_name, created_by) values ($1, $2, $3, $4, $5) returning *";
const UPDATE: &str = "
update users set full_name = coalesce($3, full_name), version = version + 1, updated_at = clock_timestamp()
where user_id = $1 and version = coalesce($2, version)
returning *";

/// A user.
#[derive(FromRow, Serialize, ToSchema)]
#[schema(as = UserResponse)]
pub(crate) struct User {
    #[sqlx(rename = "user_id")]
    pub(super) id: Uuid,
    #[serde(skip)]
    pub(super) realm_id: Uuid,
    pub(crate) tenant_id: Option<Uuid>,
    email: String,
    full_name: String,
    #[sqlx(try_from = "i64")]
    pub(crate) version: u64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl Noun for User {
    const TABLE: &'static str = "users";
    const ID: &'static str = "user_id";
    fn realm(&self) -> Option<RealmId> {
        Some(RealmId(self.realm_id))
    }
    fn page_key(&self) -> PageKey {
        PageKey { created_at: self.created_at, id: self.id }
    }
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
    pub(crate) async fn insert_user(&self, scope: Scope, new: NewUser) -> Result<User, StoreError> {
        let id = new_id();
        let realm = match new.tenant_id {
            Some(tenant) => {
                let tenant = self.find::<Tenant>(scope, tenant).await;
                let tenant = tenant.map_err(|error| error.named_at("/tenant_id"))?;
                tenant.expect_not_deleted()?;
                RealmId(tenant.id)
            }
            None => scope.new_realm(id)?,
        };
        let insert = sqlx::query_as(INSERT).bind(id).bind(new.tenant_id).bind(new.email).bind(new.full_name);
        self.insert(realm, insert.bind(new.created_by)).await
    }

    pub(crate) async fn update_user(
        &self,
        scope: Scope,
        id: Uuid,
        change: UserChange,
    ) -> Result<User, StoreError> {
        let update = sqlx::query_as(UPDATE).bind(id).bind(change.if_version.map(bigint));
        self.update(scope, id, update.bind(change.full_name)).await
    }
}
