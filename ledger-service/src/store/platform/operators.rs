//! Operators: the people and programs of the platform, each with a key of their own.

use chrono::{DateTime, Utc};
use ledger_core::RealmId;
use serde::Serialize;
use sqlx::{FromRow, PgConnection};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    rules::access::OperatorRole,
    secret::{KeyDigest, Proof},
    store::{Noun, PageKey, Scope, Store, StoreError, new_id},
};

/// The id of the operator that the service makes for itself at its first start: two services that start at once make one.
const FIRST_OPERATOR: Uuid = Uuid::from_u128(0x0000_0000_0000_8000_8000_0000_0000_0001);

const INSERT: &str = "
insert into operators (operator_id, name, role, digest, created_by) values ($1, $2, $3, $4, $5) returning *";
const INSERT_AS_OWNER: &str = "
insert into operators (operator_id, name, role, digest, created_by) values ($1, $2, $3, $4, $5)";
const INSERT_FIRST: &str = "
insert into operators (operator_id, name, role, digest, created_by)
select $1, 'first', 'admin', $2, 'start' where not exists (select from operators)
on conflict (operator_id) do nothing";
const EXISTS: &str = "select exists (select from operators)";
// The rows of all admins are locked, in the order of their ids: two admins who revoke each other leave one.
const REVOKE: &str = "
with admins as (
    select operator_id from operators where role = 'admin' and revoked_at is null order by operator_id for update
)
update operators set revoked_at = clock_timestamp(), revoked_by = $2
where operator_id = $1 and revoked_at is null and (role <> 'admin' or (select count(*) from admins) > 1)";
const IS_IN_USE: &str = "select exists (select from operators where operator_id = $1 and revoked_at is null)";

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

/// An operator to be.
pub(crate) struct NewOperator {
    pub(crate) name: String,
    pub(crate) role: OperatorRole,
    pub(crate) digest: KeyDigest,
    pub(crate) created_by: String,
}

impl NewOperator {
    /// Inserts as the tables' owner, who needs no admin to exist.
    pub(crate) async fn insert_as_owner(self, owner: &mut PgConnection) -> sqlx::Result<()> {
        let insert = sqlx::query(INSERT_AS_OWNER).bind(new_id()).bind(self.name).bind(self.role.name());
        insert.bind(self.digest.to_vec()).bind(self.created_by).execute(owner).await.map(drop)
    }
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
        proof: Proof,
        new: NewOperator,
    ) -> Result<Operator, StoreError> {
        scope.expect_platform()?;
        let insert = sqlx::query_as(INSERT).bind(new_id()).bind(new.name).bind(new.role.name());
        let insert = insert.bind(new.digest.to_vec()).bind(new.created_by);
        self.proven(proof, move |connection| Box::pin(insert.fetch_one(connection))).await
    }

    /// Takes an operator's key out of use, for good; never that of the last admin.
    pub(crate) async fn revoke_operator(
        &self,
        scope: Scope,
        proof: Proof,
        id: Uuid,
        revoked_by: String,
    ) -> Result<(), StoreError> {
        scope.expect_platform()?;
        let revoke = sqlx::query(REVOKE).bind(id).bind(revoked_by);
        let revoked = self.proven(proof, move |connection| Box::pin(revoke.execute(connection))).await?;
        if revoked.rows_affected() == 1 {
            return Ok(());
        }
        let is_in_use: bool = sqlx::query_scalar(IS_IN_USE).bind(id).fetch_one(&self.platform).await?;
        Err(if is_in_use { StoreError::LastAdmin } else { StoreError::NotFound })
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
