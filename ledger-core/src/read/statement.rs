//! Reading over time and over an owner: where in a stream a moment lies, and which accounts an owner has.

use sqlx::PgConnection;

use crate::{
    caller::Caller,
    domain::{
        entry::Timestamp,
        ids::{AccountId, Owner},
    },
    error::LedgerError,
    journal::{
        stream::{bigint, natural},
        tx::in_realm,
    },
    ledger::Ledger,
    read::balance::{AccountBalance, BALANCE_ROW},
};

/// Accounts of one owner that are shown: one per currency, so there are never many.
const OWNER_ACCOUNTS_MAX: i64 = 1_000;

const RECORDED_BEFORE: &str = "select recorded_at < $3 from events where aggregate_id = $1 and sequence = $2";
const LAST_VERSION: &str = "select balance_version from account_balances where account_id = $1";

impl Ledger {
    /// All accounts of an owner, by currency. Nobody's accounts are an empty list, and so are those of another realm.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] when the database does not answer.
    pub async fn accounts_of(
        &self,
        caller: &Caller,
        owner: Owner,
    ) -> Result<Vec<AccountBalance>, LedgerError> {
        if caller.realm.is_some_and(|realm| realm != owner.realm()) {
            return Ok(Vec::new());
        }
        let accounts = in_realm(self.app(), owner.realm(), move |connection| {
            Box::pin(async move {
                let (user, tenant) = match owner {
                    Owner::User(id) => (Some(id), None),
                    Owner::Tenant(id) => (None, Some(id)),
                };
                let select = format!(
                    "select {BALANCE_ROW} from account_balances
                     where realm_id = $1 and (owner_user_id = $2 or owner_tenant_id = $3) order by currency limit $4"
                );
                let rows = sqlx::query_as(&select).bind(owner.realm().0).bind(user).bind(tenant);
                rows.bind(OWNER_ACCOUNTS_MAX).fetch_all(connection).await
            })
        });
        accounts.await
    }

    /// The version that the account had just before a moment: that of the last entry recorded earlier, 0 if none was.
    ///
    /// # Errors
    /// [`LedgerError::NotFound`] for no such account, and for one of another realm.
    pub async fn version_before(
        &self,
        caller: &Caller,
        account: AccountId,
        moment: Timestamp,
    ) -> Result<u64, LedgerError> {
        let realm = self.realm_for(caller, account).await?;
        let version = in_realm(self.app(), realm, move |connection| {
            Box::pin(async move {
                let last = sqlx::query_scalar(LAST_VERSION).bind(account.0);
                let Some(last) = last.fetch_optional(&mut *connection).await? else { return Ok(None) };
                last_before(connection, account, natural(last)?, moment).await.map(Some)
            })
        });
        version.await?.ok_or(LedgerError::NotFound)
    }
}

/// Halves the stream: times do not decrease along it, and an index on time would cost every charge a write.
async fn last_before(
    connection: &mut PgConnection,
    account: AccountId,
    last: u64,
    moment: Timestamp,
) -> sqlx::Result<u64> {
    let (mut before, mut not_before) = (0, last + 1);
    while not_before - before > 1 {
        let middle = before.midpoint(not_before);
        let earlier = sqlx::query_scalar(RECORDED_BEFORE).bind(account.to_string());
        if earlier.bind(bigint(middle)).bind(moment).fetch_one(&mut *connection).await? {
            before = middle;
        } else {
            not_before = middle;
        }
    }
    Ok(before)
}
