//! Reading: one account's balance, one entry, a page of a statement; and erasing a note.

use sqlx::{FromRow, Row, postgres::PgRow};

use crate::{
    caller::Caller,
    domain::{
        entry::Timestamp,
        ids::{AccountId, EntryId, Owner},
        limits::Note,
        money::{Currency, Money},
        projection::BalanceRow,
    },
    error::LedgerError,
    journal::{
        stream::{STORED_EVENT, StoredEvent, bigint, natural},
        tx::in_realm,
    },
    ledger::Ledger,
    outcome::Receipt,
};

/// Lines of one page of a statement.
pub const STATEMENT_LINES_MAX: u32 = 1_000;

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
}

/// One line of a statement: an entry, and the note beside it as long as it is not erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What happened, and the balances before and after.
    pub receipt: Receipt,
    /// The caller's free text.
    pub note: Option<Note>,
}

/// The columns of a [`BalanceRow`], and those that say whose it is.
pub(crate) const BALANCE_ROW: &str = "account_id, realm_id, owner_user_id, owner_tenant_id, currency, balance, \
    frozen_balance, outstanding_amount, free_credit, credit_limit, forced_debt, last_charged_at, balance_version, updated_at";

impl Ledger {
    /// The account's balance.
    ///
    /// # Errors
    /// [`LedgerError::NotFound`] for no such account, and for one of another realm.
    pub async fn balance(&self, caller: &Caller, account: AccountId) -> Result<AccountBalance, LedgerError> {
        let realm = self.realm_for(caller, account).await?;
        let balance = in_realm(self.app(), realm, move |connection| {
            Box::pin(async move {
                let select = format!("select {BALANCE_ROW} from account_balances where account_id = $1");
                sqlx::query_as(&select).bind(account.0).fetch_optional(connection).await
            })
        });
        balance.await?.ok_or(LedgerError::NotFound)
    }

    /// One entry.
    ///
    /// # Errors
    /// [`LedgerError::NotFound`] for no such entry, and for one of another realm.
    pub async fn entry(&self, caller: &Caller, entry: EntryId) -> Result<Line, LedgerError> {
        let account = self.account_of(entry).await?;
        let lines = self.lines(caller, account, entry.sequence() - 1, 1).await?;
        let found = lines.into_iter().next().filter(|line| line.receipt.id == entry);
        found.ok_or(LedgerError::NotFound)
    }

    /// The account's entries after a version (0: from the start), oldest first, at most `limit` of them.
    ///
    /// # Errors
    /// [`LedgerError::NotFound`] for no such account, and for one of another realm.
    pub async fn statement(
        &self,
        caller: &Caller,
        account: AccountId,
        after_version: u64,
        limit: u32,
    ) -> Result<Vec<Line>, LedgerError> {
        self.balance(caller, account).await?;
        self.lines(caller, account, after_version, limit.min(STATEMENT_LINES_MAX)).await
    }

    /// Erases an entry's note for ever. The entry, its amounts and the chain stay as they are.
    ///
    /// # Errors
    /// [`LedgerError::NotFound`] for no such entry, and for one of another realm.
    pub async fn erase_note(&self, caller: &Caller, entry: EntryId) -> Result<(), LedgerError> {
        let account = self.account_of(entry).await?;
        let realm = self.realm_for(caller, account).await?;
        let erased = in_realm(self.eraser(), realm, move |connection| {
            Box::pin(
                sqlx::query("update events set note = null where aggregate_id = $1 and sequence = $2")
                    .bind(account.to_string())
                    .bind(bigint(entry.sequence()))
                    .execute(connection),
            )
        });
        let erased = erased.await?;
        if erased.rows_affected() == 1 { Ok(()) } else { Err(LedgerError::NotFound) }
    }

    async fn lines(
        &self,
        caller: &Caller,
        account: AccountId,
        after_version: u64,
        limit: u32,
    ) -> Result<Vec<Line>, LedgerError> {
        let realm = self.realm_for(caller, account).await?;
        let lines = in_realm(self.app(), realm, move |connection| {
            Box::pin(async move {
                let select = format!(
                    "select {STORED_EVENT} from events e where e.aggregate_id = $1 and e.sequence > $2
                     order by e.sequence limit $3"
                );
                let rows = sqlx::query_as(&select).bind(account.to_string());
                let rows = rows.bind(bigint(after_version)).bind(i64::from(limit));
                let rows: Vec<StoredEvent> = rows.fetch_all(connection).await?;
                rows.iter().map(Line::of).collect()
            })
        });
        lines.await
    }
}

impl Line {
    fn of(stored: &StoredEvent) -> sqlx::Result<Self> {
        let decode = |error| sqlx::Error::Decode(Box::new(error));
        let receipt = Receipt::of(stored)?;
        let note = stored.note.as_deref().map(Note::unsalted).transpose().map_err(decode)?;
        Ok(Self { receipt, note })
    }
}

impl FromRow<'_, PgRow> for AccountBalance {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let money =
            |column| Money::new(row.try_get(column)?).map_err(|error| sqlx::Error::Decode(Box::new(error)));
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
            last_charged_at: row.try_get("last_charged_at")?,
            balance_version: natural(row.try_get("balance_version")?)?,
        };
        let unspent = balances.balance.checked_sub(balances.frozen_balance);
        let available = unspent.and_then(|unspent| unspent.checked_add(balances.credit_limit));
        Ok(Self {
            account: AccountId(row.try_get("account_id")?),
            currency: currency.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            row: balances,
            available: available.ok_or_else(|| sqlx::Error::Decode("a balance is out of range".into()))?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}
