//! Tenants: companies that people are members of.

use ledger_core::{Timestamp, in_realm};
use serde_json::Value;
use sqlx::{FromRow, Row, postgres::PgRow};
use uuid::Uuid;

use crate::store::{After, Store, StoreError, bigint, new_id, realm_of, unmoved};

const INSERT: &str = "
insert into tenants (tenant_id, name, slug, plan, settings, created_by) values ($1, $2, $3, $4, $5, $6) returning *";
const SELECT: &str = "select * from tenants where tenant_id = $1";
const LIST: &str = "
select * from tenants where $1::timestamptz is null or (created_at, tenant_id) > ($1, $2)
order by created_at, tenant_id limit $3";
const UPDATE: &str = "
update tenants
set name = coalesce($3, name), slug = coalesce($4, slug), plan = coalesce($5, plan), status = coalesce($6, status),
    settings = coalesce($7, settings), version = version + 1, updated_at = clock_timestamp()
where tenant_id = $1 and version = coalesce($2, version)
returning *";

/// A tenant as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) slug: String,
    pub(crate) plan: String,
    pub(crate) status: TenantStatus,
    pub(crate) settings: Value,
    pub(crate) version: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// Whether a tenant may begin anything new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TenantStatus {
    Active,
    Suspended,
    Deleted,
}

impl TenantStatus {
    fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Deleted => "deleted",
        }
    }

    fn parse(name: &str) -> sqlx::Result<Self> {
        match name {
            "active" => Ok(Self::Active),
            "suspended" => Ok(Self::Suspended),
            "deleted" => Ok(Self::Deleted),
            _ => Err(sqlx::Error::Decode("an unknown status".into())),
        }
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
    pub(crate) async fn insert_tenant(&self, new: NewTenant) -> Result<Tenant, StoreError> {
        let id = new_id();
        let inserted = in_realm(&self.app, realm_of(id), move |connection| {
            let insert = sqlx::query_as(INSERT).bind(id).bind(new.name).bind(new.slug).bind(new.plan);
            Box::pin(insert.bind(new.settings).bind(new.created_by).fetch_one(connection))
        });
        Ok(inserted.await?)
    }

    pub(crate) async fn select_tenant(&self, id: Uuid) -> Result<Tenant, StoreError> {
        let found = in_realm(&self.app, realm_of(id), move |connection| {
            Box::pin(sqlx::query_as(SELECT).bind(id).fetch_optional(connection))
        });
        found.await?.ok_or(StoreError::NotFound)
    }

    pub(crate) async fn list_tenants(&self, after: After, limit: u32) -> Result<Vec<Tenant>, StoreError> {
        let list = sqlx::query_as(LIST).bind(after.created_at).bind(after.id).bind(i64::from(limit));
        Ok(list.fetch_all(&self.auditor).await?)
    }

    pub(crate) async fn update_tenant(&self, id: Uuid, change: TenantChange) -> Result<Tenant, StoreError> {
        self.select_tenant(id).await?;
        let updated = in_realm(&self.app, realm_of(id), move |connection| {
            let update =
                sqlx::query_as(UPDATE).bind(id).bind(change.if_version.map(bigint)).bind(change.name);
            let update =
                update.bind(change.slug).bind(change.plan).bind(change.status.map(TenantStatus::name));
            Box::pin(update.bind(change.settings).fetch_optional(connection))
        });
        updated.await?.ok_or_else(|| unmoved(change.if_version))
    }
}

impl FromRow<'_, PgRow> for Tenant {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("tenant_id")?,
            name: row.try_get("name")?,
            slug: row.try_get("slug")?,
            plan: row.try_get("plan")?,
            status: TenantStatus::parse(row.try_get("status")?)?,
            settings: row.try_get("settings")?,
            version: row.try_get::<i64, _>("version")?.unsigned_abs(),
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}
