//! Gateways: the programs that meter usage for any customer, each with a key of its own.

use chrono::{DateTime, Utc};
use ledger_core::RealmId;
use serde::Serialize;
use sqlx::FromRow;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    secret::KeyDigest,
    store::{Noun, PageKey, Scope, Store, StoreError, new_id},
};

const INSERT: &str =
    "insert into gateways (gateway_id, name, digest, created_by) values ($1, $2, $3, $4) returning *";

/// A gateway, without the key.
#[derive(FromRow, Serialize, ToSchema)]
#[schema(as = GatewayResponse)]
pub(crate) struct Gateway {
    #[sqlx(rename = "gateway_id")]
    id: Uuid,
    name: String,
    created_at: DateTime<Utc>,
    /// When the key was taken out of use, for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    revoked_at: Option<DateTime<Utc>>,
}

impl Noun for Gateway {
    const TABLE: &'static str = "gateways";
    const ID: &'static str = "gateway_id";
    fn realm(&self) -> Option<RealmId> {
        None
    }
    fn page_key(&self) -> PageKey {
        PageKey { created_at: self.created_at, id: self.id }
    }
}

impl Store {
    pub(crate) async fn insert_gateway(
        &self,
        scope: Scope,
        name: &str,
        digest: KeyDigest,
        created_by: &str,
    ) -> Result<Gateway, StoreError> {
        scope.expect_platform()?;
        let insert = sqlx::query_as(INSERT).bind(new_id()).bind(name).bind(digest.as_bytes());
        Ok(insert.bind(created_by).fetch_one(&self.platform).await?)
    }
}
