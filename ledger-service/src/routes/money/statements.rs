//! Statements: what an account held, what came and went, and what it held then.

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use ledger_core::{AccountId, Currency, EntryId, Money};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::entries::{LineResponse, after_line};
use crate::{
    auth::{By, Reader},
    error::{ApiError, Code, problems, reference::ACCESS},
    extract::{Named, Params},
    state::Shared,
    wire::{CurrencyText, Cursor, Limit, MoneyText, Version},
};

/// A span of time, by when entries were recorded, and a page of it.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatementParams {
    /// The first moment of the statement; the beginning of the account if absent.
    from: Option<DateTime<Utc>>,
    /// The first moment after the statement; now if absent.
    to: Option<DateTime<Utc>>,
    /// Lines of a page.
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 1000, default = 100, required = false)]
    limit: Limit,
    /// Where the page begins: `next_cursor` of the one before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<Version>>,
}

/// A statement: opening balance plus its lines is closing balance. Each line says the balance after it.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatementResponse {
    account_id: Uuid,
    #[schema(value_type = CurrencyText)]
    currency: Currency,
    /// Before the first line of the span.
    #[schema(value_type = MoneyText)]
    opening_balance: Money,
    /// A page of the lines, oldest first.
    lines: Vec<LineResponse>,
    /// After the last line of the span.
    #[schema(value_type = MoneyText)]
    closing_balance: Money,
    /// The version at the end of the span.
    version: u64,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_cursor: Option<String>,
}

problems!(StatementProblems: ACCESS, &[Code::NotFound, Code::Invalid]);

/// What an account held before a span of time, what came and went, and what it held then.
#[utoipa::path(
    get, path = "/accounts/{id}/statement", tag = "money", params(("id" = Uuid, Path), StatementParams),
    security(("bearer" = [])), responses((status = 200, body = StatementResponse), StatementProblems)
)]
pub(crate) async fn get_statement(
    State(shared): State<Shared>,
    by: By<Reader>,
    Named(account): Named<AccountId>,
    Params(params): Params<StatementParams>,
) -> Result<Json<StatementResponse>, ApiError> {
    let ledger = shared.ledger();
    let balance = ledger.balance(&by.caller, account).await?;
    // Never beyond the balance just read: what is recorded meanwhile belongs to the next statement.
    let last = balance.row.balance_version;
    let opening = match params.from {
        Some(from) => ledger.version_before(&by.caller, account, from).await?.min(last),
        None => 0,
    };
    let closing = match params.to {
        Some(to) => ledger.version_before(&by.caller, account, to).await?.clamp(opening, last),
        None => last,
    };
    let balance_at = async |version| match version {
        0 => Ok(Money::ZERO),
        version => {
            let line = ledger.entry(&by.caller, EntryId::new(account, version)).await?;
            Ok::<_, ApiError>(line.receipt.after().balance())
        }
    };
    let after = params.cursor.map_or(opening, |Cursor(Version(version))| version.max(opening));
    let rows = u64::from(params.limit.rows()).min(closing.saturating_sub(after));
    let mut lines = Vec::new();
    if let rows @ 1.. = u32::try_from(rows).unwrap_or(u32::MAX) {
        lines = ledger.statement(&by.caller, account, after, rows).await?;
    }
    let more = lines.len() == params.limit.rows() as usize;
    lines.truncate(params.limit.rows() as usize - 1);
    Ok(Json(StatementResponse {
        account_id: account.0,
        currency: balance.currency,
        opening_balance: balance_at(opening).await?,
        next_cursor: lines.last().filter(|_| more).map(|line| after_line(line).to_string()),
        lines: lines.into_iter().map(LineResponse::from).collect(),
        closing_balance: balance_at(closing).await?,
        version: closing,
    }))
}
