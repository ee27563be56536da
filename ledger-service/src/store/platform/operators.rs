//! Operators: the people and programs of the platform, each with a key of their own.

use chrono::{DateTime, Utc};
use ledger_core::RealmId;
use serde::Serialize;
use sqlx::FromRow;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    rules::access::OperatorRole,
    secret::KeyDigest,
    store::{Noun, PageKey, Scope, Store, StoreError, new_id},
};

/// The id of the operator that the service makes for itself at its first start: two services that start at once make one.
const FIRST_OPERATOR: Uuid = Uuid::from_u128(0x0000_0000_0000_8000_8000_0000_0000_0001);

const INSERT: &str = "
insert into operators (operator_id, name, role, digest, created_by) values ($1, $2, $3, $4, $5) returning *";
const INSERT_FIRST: &str = "
insert into operators (operator_id, name, role, digest, created_by)
select $1, 'first', 'admin', $2, 'start' where not exists (select from operators)
on conflict (operator_id) do nothing";
const EXISTS: &str = "select exists (select from operators)";

/// An operator, without the key.
#[derive(FromRow, Serialize, ToSchema)]
#[schema(as = OperatorResponse)]
pub(crate) struct Operator {
    #[sqlx(rename = "operator_id")]
    id: Uuid,
    name: String,
    #[sqlx(try_from = "String")]
    role: OperatorRole,
    created_at: DateTime<Utc>,
    /// When the key was taken out of use, for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    revoked_at: Option<DateTime<Utc>>,
}

impl Noun for Operator {
    const TABLE: &'static str = "operators";
    const ID: &'static str = "operator_id";
    fn realm(&self) -> Option<RealmId> {
        None
    }
    fn page_key(&self) -> PageKey {
        PageKey { created_at: self.created_at, id: self.id }
    }
}

impl Store {
    pub(crate) async fn insert_operator(
        &self,
        scope: Scope,
        name: &str,
        role: OperatorRole,
        digest: KeyDigest,
        created_by: &str,
    ) -> Result<Operator, StoreError> {
        scope.expect_platform()?;
        let insert = sqlx::query_as(INSERT).bind(new_id()).bind(name).bind(role.name());
        Ok(insert.bind(digest.as_bytes()).bind(created_by).fetch_one(&self.platform).await?)
    }

    pub(crate) async fn has_operators(&self, scope: Scope) -> Result<bool, StoreError> {
        scope.expect_platform()?;
        Ok(sqlx::query_scalar(EXISTS).fetch_one(&self.platform).await?)
    }

    /// Makes the first operator, an admin, unless there is one.
    pub(crate) async fn insert_first_operator(
        &self,
        scope: Scope,
        digest: KeyDigest,
    ) -> Result<bool, StoreError> {
        scope.expect_platform()?;
        let insert = sqlx::query(INSERT_FIRST).bind(FIRST_OPERATOR).bind(digest.as_bytes());
        Ok(insert.execute(&self.platform).await?.rows_affected() == 1)
    }
}
