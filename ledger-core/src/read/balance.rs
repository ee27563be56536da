//! The sums of an account, as its balance row shows them.

use sqlx::{FromRow, PgConnection, Row, postgres::PgRow};

use crate::{
    caller::Caller,
    domain::{
        account::Account,
        entry::Timestamp,
        ids::{AccountId, Owner},
        money::{Currency, Money},
        projection::BalanceRow,
    },
    error::LedgerError,
    journal::{decode, stream::natural, tx::in_realm},
    ledger::Ledger,
    outcome::Receipt,
};

/// An account as its balance row shows it: right in every process at once, as of its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountBalance {
    /// The account.
    pub account: AccountId,
    /// What it counts in.
    pub currency: Currency,
    /// The sums, and the version that they are of.
    pub row: BalanceRow,
    /// Balance − held + credit limit.
    pub available: Money,
    /// When it last moved or refused.
    pub updated_at: Timestamp,
    /// Whether it is in service.
    pub status: AccountStatus,
}

/// What an account takes part in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountStatus {
    /// Everything.
    Open,
    /// Nothing: its stream does not hold, so what its row says is not to be relied on.
    Quarantined,
}

/// The columns of an [`AccountBalance`].
pub(crate) const BALANCE_ROW: &str = "account_id, realm_id, owner_user_id, owner_tenant_id, currency, balance, \
    frozen_balance, outstanding_amount, free_credit, credit_limit, forced_debt, last_charged_at, balance_version, updated_at, \
    exists (select 1 from quarantine q where q.account_id = account_balances.account_id) as quarantined";

impl Ledger {
    /// The account's balance, also of an account in quarantine: its status says so.
    ///
    /// # Errors
    /// [`LedgerError::NotFound`] for no such account, and for one of another realm.
    pub async fn balance(&self, caller: &Caller, account: AccountId) -> Result<AccountBalance, LedgerError> {
        let realm = self.realm_for(caller, account).await?;
        let balance =
            in_realm(self.app(), realm, move |connection| Box::pin(read_balance(connection, account)));
        balance.await?.ok_or(LedgerError::NotFound)
    }
}

impl AccountBalance {
    /// An account as the receipt of its opening leaves it: the same for every retry. `None` for any other receipt.
    #[must_use]
    pub fn opened(receipt: &Receipt) -> Option<Self> {
        let mut account = Account::default();
        account.fold(&receipt.event).ok()?;
        Some(Self {
            account: receipt.account,
            currency: receipt.currency,
            row: BalanceRow::of(&account)?,
            available: account.balances.available(),
            updated_at: receipt.recorded_at,
            status: AccountStatus::Open,
        })
    }
}

/// The account's balance row; `None` if there is none in this realm.
pub(super) async fn read_balance(
    connection: &mut PgConnection,
    account: AccountId,
) -> sqlx::Result<Option<AccountBalance>> {
    let select = format!("select {BALANCE_ROW} from account_balances where account_id = $1");
    sqlx::query_as(&select).bind(account.0).fetch_optional(connection).await
}

/// The balance of an account that is in service.
pub(super) async fn read_in_service(
    connection: &mut PgConnection,
    account: AccountId,
) -> Result<AccountBalance, LedgerError> {
    let balance = read_balance(connection, account).await?.ok_or(LedgerError::NotFound)?;
    match balance.status {
        AccountStatus::Open => Ok(balance),
        AccountStatus::Quarantined => Err(LedgerError::Quarantined),
    }
}

impl FromRow<'_, PgRow> for AccountBalance {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let money = |column| decode::money(row, column);
        let owner = match (row.try_get("owner_user_id")?, row.try_get("owner_tenant_id")?) {
            (Some(user), None) => Owner::User(user),
            (None, Some(tenant)) => Owner::Tenant(tenant),
            _ => return Err(sqlx::Error::Decode("an account has exactly one owner".into())),
        };
        let currency: String = row.try_get("currency")?;
        let balances = BalanceRow {
            owner,
            balance: money("balance")?,
            frozen_balance: money("frozen_balance")?,
            outstanding_amount: money("outstanding_amount")?,
            free_credit: money("free_credit")?,
            credit_limit: money("credit_limit")?,
            forced_debt: money("forced_debt")?,
            last_charged_at: decode::optional_time(row, "last_charged_at")?,
            balance_version: natural(row.try_get("balance_version")?)?,
        };
        let unspent = balances.balance.checked_sub(balances.frozen_balance);
        let available = unspent.and_then(|unspent| unspent.checked_add(balances.credit_limit));
        let quarantined: bool = row.try_get("quarantined")?;
        Ok(Self {
            account: AccountId(row.try_get("account_id")?),
            currency: currency.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            row: balances,
            available: available.ok_or_else(|| sqlx::Error::Decode("a balance is out of range".into()))?,
            updated_at: decode::time(row, "updated_at")?,
            status: if quarantined { AccountStatus::Quarantined } else { AccountStatus::Open },
        })
    }
}
