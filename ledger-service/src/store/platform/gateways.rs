//! Gateways: the programs that meter usage for any customer, each with a key of its own.

use ledger_core::Timestamp;
use sqlx::{FromRow, Row, postgres::PgRow};
use uuid::Uuid;

use crate::{
    secret::KeyDigest,
    store::{After, Store, StoreError, new_id},
};

const INSERT: &str =
    "insert into gateways (gateway_id, name, digest, created_by) values ($1, $2, $3, $4) returning *";
const LIST: &str = "
select * from gateways where $1::timestamptz is null or (created_at, gateway_id) > ($1, $2)
order by created_at, gateway_id limit $3";
const REVOKE: &str = "
update gateways set revoked_at = clock_timestamp(), revoked_by = $2
where gateway_id = $1 and revoked_at is null";

/// A gateway as it is kept: without the key.
#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) created_at: Timestamp,
    pub(crate) revoked_at: Option<Timestamp>,
}

impl Store {
    pub(crate) async fn insert_gateway(
        &self,
        name: &str,
        digest: KeyDigest,
        created_by: &str,
    ) -> Result<Gateway, StoreError> {
        let insert =
            sqlx::query_as(INSERT).bind(new_id()).bind(name).bind(digest.as_bytes()).bind(created_by);
        Ok(insert.fetch_one(&self.platform).await?)
    }

    pub(crate) async fn list_gateways(&self, after: After, limit: u32) -> Result<Vec<Gateway>, StoreError> {
        let list = sqlx::query_as(LIST).bind(after.created_at).bind(after.id).bind(i64::from(limit));
        Ok(list.fetch_all(&self.platform).await?)
    }

    /// Takes a gateway's key out of use, for good.
    pub(crate) async fn revoke_gateway(&self, id: Uuid, revoked_by: &str) -> Result<(), StoreError> {
        let revoked = sqlx::query(REVOKE).bind(id).bind(revoked_by).execute(&self.platform).await?;
        if revoked.rows_affected() == 1 { Ok(()) } else { Err(StoreError::NotFound) }
    }
}

impl FromRow<'_, PgRow> for Gateway {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("gateway_id")?,
            name: row.try_get("name")?,
            created_at: row.try_get("created_at")?,
            revoked_at: row.try_get("revoked_at")?,
        })
    }
}
