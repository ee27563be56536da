//! Operators and gateways, which belong to no realm: there for the platform alone.

mod gateways;
mod operators;

use futures::future::BoxFuture;
use ledger_core::{RealmId, in_realm};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Noun, Scope, Span, Store, StoreError, rows};
use crate::secret::{KeyDigest, Proof};

pub(crate) use self::{
    gateways::Gateway,
    operators::{NewOperator, Operator},
};

const PROVE: &str = "select set_config('ledger.admin_proof', $1, true)";

impl Store {
    /// All of the platform's own, in the order in which they were made.
    pub(crate) async fn list_platform<N: Noun>(
        &self,
        scope: Scope,
        span: Span,
    ) -> Result<Vec<N>, StoreError> {
        scope.expect_platform()?;
        let select = rows::page_sql::<N>(None);
        Ok(rows::page(&select, None, span).fetch_all(&self.platform).await?)
    }

    /// Takes a key of the platform out of use, for good.
    pub(crate) async fn revoke<N: Noun>(&self, scope: Scope, id: Uuid, by: &str) -> Result<(), StoreError> {
        scope.expect_platform()?;
        let revoke = format!(
            "update {} set revoked_at = clock_timestamp(), revoked_by = $2 where {} = $1 and revoked_at is null",
            N::TABLE,
            N::ID
        );
        let revoked = sqlx::query(&revoke).bind(id).bind(by).execute(&self.platform).await?;
        if revoked.rows_affected() == 1 { Ok(()) } else { Err(StoreError::NotFound) }
    }

    /// Gives it a new key. The one before is taken for so many seconds more.
    pub(crate) async fn rotate<N: Noun>(
        &self,
        scope: Scope,
        proof: Proof,
        id: Uuid,
        digest: KeyDigest,
        grace_seconds: u32,
    ) -> Result<N, StoreError> {
        scope.expect_platform()?;
        let rotate = format!(
            "update {} set digest = $2, previous_digest = case when $3 > 0 then digest end,
                 previous_until = clock_timestamp() + make_interval(secs => $3)
             where {} = $1 and revoked_at is null returning *",
            N::TABLE,
            N::ID
        );
        let rotated = self.proven(proof, move |connection| {
            Box::pin(async move {
                let rotate = sqlx::query_as(&rotate).bind(id).bind(digest.to_vec());
                rotate.bind(f64::from(grace_seconds)).fetch_optional(connection).await
            })
        });
        rotated.await?.ok_or(StoreError::NotFound)
    }

    /// In a transaction in which the database knows that an admin calls. What is the platform's lies in no realm.
    async fn proven<T, W>(&self, proof: Proof, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, sqlx::Result<T>> + Send + 'static,
    {
        let proven = in_realm(&self.platform, RealmId(Uuid::nil()), move |connection| {
            Box::pin(async move {
                sqlx::query(PROVE).bind(proof.hex()).execute(&mut *connection).await?;
                work(connection).await
            })
        });
        Ok(proven.await?)
    }
}
