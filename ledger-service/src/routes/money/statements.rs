//! Statements: what an account held, what came and went, and what it held then.

use std::{fmt, str::FromStr};

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use ledger_core::{AccountId, Currency, Money, Statement, StatementPlace, StatementRequest};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::entries::EntryResponse;
use crate::{
    auth::{By, Reader},
    error::{ApiError, Code, problems, reference::ACCESS},
    extract::{Named, Params},
    state::Shared,
    wire::{CurrencyText, Cursor, Limit, Moment, MoneyText},
};

/// A span of time, by when entries were recorded, and a page of it.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatementParams {
    /// The first moment of the statement; the beginning of the account if absent.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Moment>,
    /// The first moment after the statement; now if absent.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Moment>,
    /// Lines of a page.
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 1000, default = 100, required = false)]
    limit: Limit,
    /// Where the page begins: `next_cursor` of the one before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<Place>>,
}

/// Where a page begins, and the version that all pages of its statement end at.
struct Place(StatementPlace);

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
    lines: Vec<EntryResponse>,
    /// After the last line of the span.
    #[schema(value_type = MoneyText)]
    closing_balance: Money,
    /// The version at the end of the span.
    version: u64,
    /// When the last entry by then was recorded; absent before the account was opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    as_of: Option<DateTime<Utc>>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_cursor: Option<String>,
}

problems!(StatementProblems: ACCESS, &[Code::NotFound, Code::Invalid, Code::AccountQuarantined]);

/// What an account held before a span of time, what came and went, and what it held then. All pages end at one version:
/// what comes meanwhile belongs to the next statement.
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
    let request = StatementRequest {
        from: params.from.map(|Moment(from)| from),
        to: params.to.map(|Moment(to)| to),
        after: params.cursor.map(|Cursor(Place(place))| place),
        limit: params.limit.shown(),
    };
    let statement = shared.ledger().statement(&by.caller, account, request).await?;
    Ok(Json(statement.into()))
}

impl From<Statement> for StatementResponse {
    fn from(statement: Statement) -> Self {
        Self {
            account_id: statement.account.0,
            currency: statement.currency,
            opening_balance: statement.opening_balance,
            lines: statement.lines.into_iter().map(EntryResponse::from).collect(),
            closing_balance: statement.closing_balance,
            version: statement.closing_version,
            as_of: statement.closing_at,
            next_cursor: statement.next.map(|next| Cursor(Place(next)).to_string()),
        }
    }
}

impl FromStr for Place {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (version, closing) = text.split_once('/').ok_or(())?;
        let [version, closing_version] = [version, closing].map(|text| text.parse().map_err(|_| ()));
        Ok(Self(StatementPlace { version: version?, closing_version: closing_version? }))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0.version, self.0.closing_version)
    }
}
