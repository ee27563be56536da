//! Operators: the people and programs of the platform, each with a key of their own.

use ledger_core::Timestamp;
use sqlx::{FromRow, Row, postgres::PgRow};
use uuid::Uuid;

use crate::{
    secret::KeyDigest,
    store::{After, OperatorRole, Store, StoreError, new_id},
};

/// The id of the operator that the service makes for itself at its first start: two services that start at once make one.
const FIRST_OPERATOR: Uuid = Uuid::from_u128(0x0000_0000_0000_8000_8000_0000_0000_0001);

const INSERT: &str = "insert into operators (operator_id, name, role, digest, created_by) values ($1, $2, $3, $4, $5) returning *";
const INSERT_FIRST: &str = "
insert into operators (operator_id, name, role, digest, created_by)
select $1, 'first', 'admin', $2, 'start' where not exists (select from operators)
on conflict (operator_id) do nothing";
const LIST: &str = "
select * from operators where $1::timestamptz is null or (created_at, operator_id) > ($1, $2)
order by created_at, operator_id limit $3";
const REVOKE: &str = "
update operators set revoked_at = clock_timestamp(), revoked_by = $2
where operator_id = $1 and revoked_at is null";
const EXISTS: &str = "select exists (select from operators)";

/// An operator as they are kept: without the key.
#[derive(Clone, Debug)]
pub(crate) struct Operator {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) role: OperatorRole,
    pub(crate) created_at: Timestamp,
    pub(crate) revoked_at: Option<Timestamp>,
}

impl Store {
    pub(crate) async fn insert_operator(
        &self,
        name: &str,
        role: OperatorRole,
        digest: KeyDigest,
        created_by: &str,
    ) -> Result<Operator, StoreError> {
        let insert = sqlx::query_as(INSERT).bind(new_id()).bind(name).bind(role.name());
        Ok(insert.bind(digest.as_bytes()).bind(created_by).fetch_one(&self.platform).await?)
    }

    pub(crate) async fn list_operators(&self, after: After, limit: u32) -> Result<Vec<Operator>, StoreError> {
        let list = sqlx::query_as(LIST).bind(after.created_at).bind(after.id).bind(i64::from(limit));
        Ok(list.fetch_all(&self.platform).await?)
    }

    /// Takes an operator's key out of use, for good.
    pub(crate) async fn revoke_operator(&self, id: Uuid, revoked_by: &str) -> Result<(), StoreError> {
        let revoked = sqlx::query(REVOKE).bind(id).bind(revoked_by).execute(&self.platform).await?;
        if revoked.rows_affected() == 1 { Ok(()) } else { Err(StoreError::NotFound) }
    }

    pub(crate) async fn has_operators(&self) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar(EXISTS).fetch_one(&self.platform).await?)
    }

    /// Makes the first operator, an admin, unless there is one.
    pub(crate) async fn insert_first_operator(&self, digest: KeyDigest) -> Result<bool, StoreError> {
        let insert = sqlx::query(INSERT_FIRST).bind(FIRST_OPERATOR).bind(digest.as_bytes());
        Ok(insert.execute(&self.platform).await?.rows_affected() == 1)
    }
}

impl FromRow<'_, PgRow> for Operator {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("operator_id")?,
            name: row.try_get("name")?,
            role: OperatorRole::parse(row.try_get("role")?)?,
            created_at: row.try_get("created_at")?,
            revoked_at: row.try_get("revoked_at")?,
        })
    }
}
