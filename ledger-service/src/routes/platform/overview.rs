//! The overview: all customers' accounts in a few sums, and when the books were last proved.

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use ledger_core::{AuditRecord, CurrencyOverview, Overview};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    auth::{AnyOperator, By},
    error::{ApiError, reference::Listing},
    state::Shared,
    wire::{CurrencyText, TotalText},
};

/// All customers' accounts as of one moment.
#[derive(Serialize, ToSchema)]
pub(crate) struct OverviewResponse {
    as_of: DateTime<Utc>,
    /// A line for each currency.
    currencies: Vec<CurrencyResponse>,
    /// Accounts out of service: `/accounts?status=quarantined` lists them.
    quarantined: i64,
    /// The last audit that came to its end; absent if there never was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    last_audit: Option<AuditResponse>,
}

/// All accounts in one currency.
#[derive(Serialize, ToSchema)]
pub(crate) struct CurrencyResponse {
    #[schema(value_type = CurrencyText)]
    currency: String,
    accounts: i64,
    /// Accounts below zero: `/accounts?balance_below=0` lists them.
    overdrawn: i64,
    /// What all customers have together.
    #[schema(value_type = TotalText)]
    balance: String,
    /// What customers owe.
    #[schema(value_type = TotalText)]
    outstanding_amount: String,
    /// The part below the floor that chargebacks have made.
    #[schema(value_type = TotalText)]
    forced_debt: String,
}

/// An audit on record.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditResponse {
    /// The moment that it is true of.
    as_of: DateTime<Utc>,
    recorded_at: DateTime<Utc>,
    actor: String,
    /// Whether every check held.
    sound: bool,
    accounts: i64,
    entries: i64,
    /// How often a check did not hold.
    wrong: i64,
    /// The first place where one did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    first_finding: Option<String>,
}

/// The sums of all accounts by currency, what is overdrawn or out of service, and the last audit.
#[utoipa::path(
    get, path = "/overview", tag = "platform", security(("bearer" = [])),
    responses((status = 200, body = OverviewResponse), Listing)
)]
pub(crate) async fn get_overview(
    State(shared): State<Shared>,
    by: By<AnyOperator>,
) -> Result<Json<OverviewResponse>, ApiError> {
    Ok(Json(shared.ledger().overview(&by.caller).await?.into()))
}

impl From<Overview> for OverviewResponse {
    fn from(Overview { as_of, currencies, quarantined, last_audit }: Overview) -> Self {
        let currencies = currencies.into_iter().map(CurrencyResponse::from).collect();
        Self { as_of, currencies, quarantined, last_audit: last_audit.map(AuditResponse::from) }
    }
}

impl From<CurrencyOverview> for CurrencyResponse {
    fn from(all: CurrencyOverview) -> Self {
        let CurrencyOverview { currency, accounts, overdrawn, balance, outstanding_amount, forced_debt } =
            all;
        Self { currency, accounts, overdrawn, balance, outstanding_amount, forced_debt }
    }
}

impl From<AuditRecord> for AuditResponse {
    fn from(audit: AuditRecord) -> Self {
        let AuditRecord { as_of, recorded_at, actor, sound, accounts, entries, wrong, first_finding } = audit;
        Self { as_of, recorded_at, actor, sound, accounts, entries, wrong, first_finding }
    }
}
