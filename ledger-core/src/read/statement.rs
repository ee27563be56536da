//! Statements: what an account held before a span of time, what came and went, and what it held then.

use sqlx::PgConnection;

use crate::{
    caller::Caller,
    domain::{
        entry::Timestamp,
        ids::AccountId,
        money::{Currency, Money},
    },
    error::LedgerError,
    journal::tx::in_snapshot,
    ledger::Ledger,
    read::{
        balance::read_in_service,
        lines::{Line, PAGE_LINES_MAX, Window, read_all},
        moment::version_before,
    },
};

/// A span of time, by when entries were recorded, and a page of its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatementRequest {
    /// The first moment of the statement; the beginning of the account if absent.
    pub from: Option<Timestamp>,
    /// The first moment behind the statement; now if absent.
    pub to: Option<Timestamp>,
    /// Where to go on: [`Statement::next`] of the page before.
    pub after: Option<StatementPlace>,
    /// Lines of a page: at most [`PAGE_LINES_MAX`].
    pub limit: u32,
}

/// A place in a statement. It holds the statement's end, so that what is recorded meanwhile changes no later page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatementPlace {
    /// The version of the last line shown.
    pub version: u64,
    /// The version that the statement ends at.
    pub closing_version: u64,
}

/// A statement: opening balance plus its lines is closing balance, and each line says the balance after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Whose account.
    pub account: AccountId,
    /// What it counts in.
    pub currency: Currency,
    /// Before the first line of the span.
    pub opening_balance: Money,
    /// The version then; 0 before the account was opened.
    pub opening_version: u64,
    /// A page of the lines, oldest first.
    pub lines: Vec<Line>,
    /// After the last line of the span.
    pub closing_balance: Money,
    /// The version then.
    pub closing_version: u64,
    /// When the last entry by then was recorded; `None` before the account was opened.
    pub closing_at: Option<Timestamp>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<StatementPlace>,
}

impl Default for StatementRequest {
    /// The first page of everything.
    fn default() -> Self {
        Self { from: None, to: None, after: None, limit: PAGE_LINES_MAX }
    }
}

impl Ledger {
    /// A statement, all of it as of one moment.
    ///
    /// # Errors
    /// [`LedgerError::NotFound`] for no such account, and for one of another realm; [`LedgerError::Quarantined`] when the
    /// account's stream does not hold.
    pub async fn statement(
        &self,
        caller: &Caller,
        account: AccountId,
        request: StatementRequest,
    ) -> Result<Statement, LedgerError> {
        let realm = self.realm_for(caller, account).await?;
        in_snapshot(self.app(), Some(realm), move |connection| {
            Box::pin(read_statement(connection, account, request))
        })
        .await
    }
}

async fn read_statement(
    connection: &mut PgConnection,
    account: AccountId,
    StatementRequest { from, to, after, limit }: StatementRequest,
) -> Result<Statement, LedgerError> {
    let balance = read_in_service(connection, account).await?;
    let last = after.map_or(u64::MAX, |place| place.closing_version).min(balance.row.balance_version);
    let opening = match from {
        Some(from) => version_before(connection, account, last, from).await?,
        None => 0,
    };
    let closing = match to {
        Some(to) => version_before(connection, account, last, to).await?.max(opening),
        None => last,
    };
    let above = after.map_or(opening, |place| place.version.clamp(opening, closing));
    let until = closing.min(above + u64::from(limit.clamp(1, PAGE_LINES_MAX)));
    let (opening_balance, _) = balance_at(connection, account, opening).await?;
    let (closing_balance, closing_at) = balance_at(connection, account, closing).await?;
    Ok(Statement {
        account,
        currency: balance.currency,
        opening_balance,
        opening_version: opening,
        lines: read_all(connection, account, Window { above, until }).await?,
        closing_balance,
        closing_version: closing,
        closing_at,
        next: (until < closing).then_some(StatementPlace { version: until, closing_version: closing }),
    })
}

/// What the account held after this entry, and when that was recorded.
async fn balance_at(
    connection: &mut PgConnection,
    account: AccountId,
    version: u64,
) -> Result<(Money, Option<Timestamp>), LedgerError> {
    let only = Window { above: version.saturating_sub(1), until: version };
    let lines = read_all(connection, account, only).await?;
    let Some(Line { receipt, .. }) = lines.last() else { return Ok((Money::ZERO, None)) };
    Ok((receipt.after().balance(), Some(receipt.recorded_at)))
}
