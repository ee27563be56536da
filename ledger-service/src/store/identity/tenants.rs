//! Tenants: companies that people are members of.

use chrono::{DateTime, Utc};
use ledger_core::{RealmId, in_realm};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::FromRow;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::{Noun, PageKey, Scope, Store, StoreError, bigint, new_id};

const INSERT: &str = "
insert into tenants (tenant_id, name, slug, plan, settings, created_by) values ($1, $2, $3, $4, $5, $6) returning *";
const UPDATE: &str = "
update tenants
set name = coalesce($3, name), slug = coalesce($4, slug), plan = coalesce($5, plan), status = coalesce($6, status),
    settings = coalesce($7, settings), version = version + 1, updated_at = clock_timestamp()
where tenant_id = $1 and version = coalesce($2, version)
returning *";
const NAMED: &str = "select tenant_id from tenants where position(lower($1) in lower(name)) > 0 limit $2";

/// A tenant.
#[derive(FromRow, Serialize, ToSchema)]
#[schema(as = TenantResponse)]
pub(crate) struct Tenant {
    #[sqlx(rename = "tenant_id")]
    pub(crate) id: Uuid,
    name: String,
    slug: String,
    plan: String,
    pub(crate) status: TenantStatus,
    #[schema(value_type = BTreeMap<String, String>)]
    settings: Value,
    #[sqlx(try_from = "i64")]
    pub(crate) version: u64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// Whether a tenant may begin anything new. What has begun can always be settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schema(as = TenantState)]
pub(crate) enum TenantStatus {
    Active,
    Suspended,
    Deleted,
}

impl TenantStatus {
    /// What has begun can be settled, whatever the status is.
    pub(crate) fn expect_may_begin(self) -> Result<(), StoreError> {
        if self == Self::Active { Ok(()) } else { Err(StoreError::Suspended) }
    }
}

impl Tenant {
    /// A deleted tenant gets nobody and nothing any more.
    pub(super) fn expect_not_deleted(&self) -> Result<(), StoreError> {
        if self.status == TenantStatus::Deleted { Err(StoreError::Suspended) } else { Ok(()) }
    }
}

impl Noun for Tenant {
    const TABLE: &'static str = "tenants";
    const ID: &'static str = "tenant_id";
    fn realm(&self) -> Option<RealmId> {
        Some(RealmId(self.id))
    }
    fn page_key(&self) -> PageKey {
        PageKey { created_at: self.created_at, id: self.id }
    }
}

/// A tenant to be.
pub(crate) struct NewTenant {
    pub(crate) name: String,
    pub(crate) slug: String,
    pub(crate) plan: String,
    pub(crate) settings: Value,
    pub(crate) created_by: String,
}

/// What is to change; what is absent stays.
pub(crate) struct TenantChange {
    pub(crate) if_version: Option<u64>,
    pub(crate) name: Option<String>,
    pub(crate) slug: Option<String>,
    pub(crate) plan: Option<String>,
    pub(crate) status: Option<TenantStatus>,
    pub(crate) settings: Option<Value>,
}

impl Store {
    pub(crate) async fn insert_tenant(&self, scope: Scope, new: NewTenant) -> Result<Tenant, StoreError> {
        let id = new_id();
        let insert = sqlx::query_as(INSERT).bind(id).bind(new.name).bind(new.slug).bind(new.plan);
        self.insert(scope.new_realm(id)?, insert.bind(new.settings).bind(new.created_by)).await
    }

    /// The realms of the tenants with this text in their name, in capitals or not; at most so many.
    pub(crate) async fn realms_named(
        &self,
        scope: Scope,
        part: String,
        most: u32,
    ) -> Result<Vec<RealmId>, StoreError> {
        let select = sqlx::query_scalar(NAMED).bind(part).bind(i64::from(most));
        let ids: Vec<Uuid> = match scope {
            Scope::Platform => select.fetch_all(&self.auditor).await?,
            Scope::Realm(realm) => {
                in_realm(&self.app, realm, move |connection| Box::pin(select.fetch_all(connection))).await?
            }
        };
        Ok(ids.into_iter().map(RealmId).collect())
    }

    pub(crate) async fn update_tenant(
        &self,
        scope: Scope,
        id: Uuid,
        change: TenantChange,
    ) -> Result<Tenant, StoreError> {
        let update = sqlx::query_as(UPDATE).bind(id).bind(change.if_version.map(bigint)).bind(change.name);
        let update = update.bind(change.slug).bind(change.plan).bind(change.status).bind(change.settings);
        self.update(scope, id, update).await
    }
}
