//! Accounts: a page of those that are as asked for, of one realm or of all.

use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use crate::{
    caller::Caller,
    domain::{
        ids::{AccountId, Owner, RealmId},
        money::{Currency, Money},
    },
    error::LedgerError,
    journal::tx::in_snapshot,
    ledger::Ledger,
    read::balance::{AccountBalance, AccountStatus, BALANCE_ROW},
};

/// Accounts of one page.
pub const PAGE_ACCOUNTS_MAX: u32 = 1_000;
/// Balance rows that one page looks through for those that are asked for.
const SEARCHED_ACCOUNTS_MAX: i64 = 50_000;

/// The end of what one page looks through; none if fewer rows are left.
const SEARCHED: &str =
    "select account_id from account_balances where account_id > $1 order by account_id offset $2 limit 1";

/// Which accounts, and which page of them. An account is found if everything that is asked for is so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountsRequest {
    /// Whose.
    pub owner: Option<Owner>,
    /// In one of these realms.
    pub realms: Option<Vec<RealmId>>,
    /// In this currency.
    pub currency: Option<Currency>,
    /// In service, or in quarantine.
    pub status: Option<AccountStatus>,
    /// With a balance below this.
    pub balance_below: Option<Money>,
    /// Where to go on: [`AccountsPage::next`] of the page before.
    pub after: Option<AccountId>,
    /// Accounts of a page: at most [`PAGE_ACCOUNTS_MAX`].
    pub limit: u32,
}

/// A page of accounts, in the order of their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountsPage {
    /// The accounts. A page may have fewer than its limit, also none, and yet a next one: each page looks through a bounded
    /// part of the balance rows.
    pub accounts: Vec<AccountBalance>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<AccountId>,
}

impl Default for AccountsRequest {
    /// The first page of all that the caller may see.
    fn default() -> Self {
        Self {
            owner: None,
            realms: None,
            currency: None,
            status: None,
            balance_below: None,
            after: None,
            limit: PAGE_ACCOUNTS_MAX,
        }
    }
}

impl Ledger {
    /// A page of the accounts that the caller may see. Nobody's accounts are an empty page, and so are those of another realm.
    ///
    /// Those of an owner or of realms are found by an index, and those in quarantine by the short list of them. Any other
    /// question looks through the balance rows, some at a time.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] when the database does not answer, or not in time.
    pub async fn accounts(
        &self,
        caller: &Caller,
        request: AccountsRequest,
    ) -> Result<AccountsPage, LedgerError> {
        let realm = caller.realm.or(request.owner.map(Owner::realm));
        let pool = if realm.is_some() { self.app() } else { self.lists() };
        in_snapshot(pool, realm, move |connection| Box::pin(read_page(connection, request))).await
    }
}

async fn read_page(
    connection: &mut PgConnection,
    AccountsRequest { owner, realms, currency, status, balance_below, after, limit }: AccountsRequest,
) -> Result<AccountsPage, LedgerError> {
    let limit = limit.clamp(1, PAGE_ACCOUNTS_MAX) as usize;
    let realms = realms.or_else(|| Some(vec![owner?.realm()]));
    let is_indexed = realms.is_some() || status == Some(AccountStatus::Quarantined);
    let is_filtered = currency.is_some() || status.is_some() || balance_below.is_some();
    let searched: Option<Uuid> = if is_filtered && !is_indexed {
        let end = sqlx::query_scalar(SEARCHED).bind(after.unwrap_or_default().0);
        end.bind(SEARCHED_ACCOUNTS_MAX - 1).fetch_optional(&mut *connection).await?
    } else {
        None
    };
    let mut select =
        QueryBuilder::<Postgres>::new(format!("select {BALANCE_ROW} from account_balances where true"));
    // Only what is asked for is in the text, so that PostgreSQL plans each question for itself.
    match owner {
        Some(Owner::User(id)) => _ = select.push(" and owner_user_id = ").push_bind(id),
        Some(Owner::Tenant(id)) => _ = select.push(" and owner_tenant_id = ").push_bind(id),
        None => {}
    }
    if let Some(realms) = realms {
        let realms: Vec<_> = realms.into_iter().map(|realm| realm.0).collect();
        select.push(" and realm_id = any(").push_bind(realms).push(")");
    }
    if let Some(currency) = currency {
        select.push(" and currency = ").push_bind(String::from(currency));
    }
    match status {
        Some(AccountStatus::Quarantined) => {
            _ = select.push(" and account_id in (select account_id from quarantine)")
        }
        Some(AccountStatus::Open) => {
            _ = select.push(" and account_id not in (select account_id from quarantine)")
        }
        None => {}
    }
    if let Some(below) = balance_below {
        select.push(" and balance < ").push_bind(below.decimal());
    }
    if let Some(after) = after {
        select.push(" and account_id > ").push_bind(after.0);
    }
    if let Some(end) = searched {
        select.push(" and account_id <= ").push_bind(end);
    }
    select.push(" order by account_id limit ").push_bind(limit as i64 + 1);
    let mut accounts: Vec<AccountBalance> = select.build_query_as().fetch_all(connection).await?;
    let more = accounts.len() > limit;
    accounts.truncate(limit);
    let last = accounts.last().filter(|_| more).map(|last| last.account);
    let next = last.or(searched.map(AccountId));
    Ok(AccountsPage { accounts, next })
}
