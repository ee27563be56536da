//! What all nouns have in common: a row is found, listed and changed in its realm and in no other.

use ledger_core::{RealmId, Timestamp, in_realm};
use sqlx::{
    FromRow, Postgres,
    postgres::{PgArguments, PgRow},
    query::QueryAs,
};
use uuid::Uuid;

use super::{Scope, Store, StoreError};
use crate::rules::access::Object;

/// A row that can be named by its id and listed in the order in which rows were made.
pub(crate) trait Noun: for<'r> FromRow<'r, PgRow> + Send + Unpin + 'static {
    const TABLE: &'static str;
    /// The column of its id, here and where others refer to it.
    const ID: &'static str;

    /// The realm that it lies in; what is the platform's lies in none.
    fn realm(&self) -> Option<RealmId>;

    fn page_key(&self) -> PageKey;

    /// Whether there is nothing in it to change any more.
    fn is_over(&self) -> bool {
        false
    }
}

impl<N: Noun> Object for N {
    fn realm(&self) -> Option<RealmId> {
        Noun::realm(self)
    }
}

/// Where a row stands in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageKey {
    pub(crate) created_at: Timestamp,
    pub(crate) id: Uuid,
}

/// A part of a list: so many rows, behind this one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) after: Option<PageKey>,
    pub(crate) rows: u32,
}

/// A statement that answers with one row.
pub(super) type Statement<N> = QueryAs<'static, Postgres, N, PgArguments>;

impl Store {
    pub(crate) async fn find<N: Noun>(&self, scope: Scope, id: Uuid) -> Result<N, StoreError> {
        let realm = self.realm_of::<N>(scope, id).await?;
        let select = format!("select * from {} where {} = $1", N::TABLE, N::ID);
        let found = in_realm(&self.app, realm, move |connection| {
            Box::pin(async move { sqlx::query_as(&select).bind(id).fetch_optional(connection).await })
        });
        found.await?.ok_or(StoreError::NotFound)
    }

    /// All that are there in this scope.
    pub(crate) async fn list<N: Noun>(&self, scope: Scope, span: Span) -> Result<Vec<N>, StoreError> {
        match scope {
            Scope::Platform => {
                Ok(page::<N>(&page_sql::<N>(None), None, span).fetch_all(&self.auditor).await?)
            }
            Scope::Realm(realm) => self.list_in(realm, page_sql::<N>(None), None, span).await,
        }
    }

    /// Those that refer to this `P`, such as the keys of a user. Whoever is absent has none.
    pub(crate) async fn list_of<N: Noun, P: Noun>(
        &self,
        scope: Scope,
        parent: Uuid,
        span: Span,
    ) -> Result<Vec<N>, StoreError> {
        match self.realm_of::<P>(scope, parent).await {
            Ok(realm) => self.list_in(realm, page_sql::<N>(Some(P::ID)), Some(parent), span).await,
            Err(StoreError::NotFound) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    async fn list_in<N: Noun>(
        &self,
        realm: RealmId,
        select: String,
        parent: Option<Uuid>,
        span: Span,
    ) -> Result<Vec<N>, StoreError> {
        let list = in_realm(&self.app, realm, move |connection| {
            Box::pin(async move { page(&select, parent, span).fetch_all(connection).await })
        });
        Ok(list.await?)
    }

    /// Inserts a row into a realm; its own columns say the same, or row security refuses it.
    pub(super) async fn insert<N: Noun>(
        &self,
        realm: RealmId,
        insert: Statement<N>,
    ) -> Result<N, StoreError> {
        let inserted = in_realm(&self.app, realm, move |connection| Box::pin(insert.fetch_one(connection)));
        Ok(inserted.await?)
    }

    /// Changes a row in its realm. One that did not move is at another version, or there is nothing to change.
    pub(super) async fn update<N: Noun>(
        &self,
        scope: Scope,
        id: Uuid,
        update: Statement<N>,
    ) -> Result<N, StoreError> {
        let realm = self.realm_of::<N>(scope, id).await?;
        let updated =
            in_realm(&self.app, realm, move |connection| Box::pin(update.fetch_optional(connection)));
        if let Some(updated) = updated.await? {
            return Ok(updated);
        }
        let standing = self.find::<N>(scope, id).await?;
        Err(if standing.is_over() { StoreError::NotFound } else { StoreError::Stale })
    }
}

pub(super) fn page_sql<N: Noun>(parent: Option<&str>) -> String {
    let (table, id) = (N::TABLE, N::ID);
    let within = parent.map_or_else(|| "$1::uuid is null".to_owned(), |column| format!("{column} = $1"));
    format!(
        "select * from {table} where {within} and ($2::timestamptz is null or (created_at, {id}) > ($2, $3))
         order by created_at, {id} limit $4"
    )
}

pub(super) fn page<N: Noun>(
    select: &str,
    parent: Option<Uuid>,
    span: Span,
) -> QueryAs<'_, Postgres, N, PgArguments> {
    let list = sqlx::query_as(select).bind(parent);
    let list = list.bind(span.after.map(|row| row.created_at)).bind(span.after.map(|row| row.id));
    list.bind(i64::from(span.rows))
}
