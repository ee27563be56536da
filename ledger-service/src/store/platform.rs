//! Operators and gateways, which belong to no realm: there for the platform alone.

mod gateways;
mod operators;

use super::{Noun, Scope, Span, Store, StoreError, rows};
use uuid::Uuid;

pub(crate) use self::{gateways::Gateway, operators::Operator};

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
}
