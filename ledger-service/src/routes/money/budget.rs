//! Budgets: what a virtual key may still cost its payer.

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use ledger_core::{AccountStatus, AccountsRequest, Amount, Currency, LedgerError, Money, Owner};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    accounts::{AccountResponse, OwnerSchema},
    charges::no_account,
};
use crate::{
    auth::{By, Holder},
    error::{
        ApiError, Code, problems,
        reference::{ACCESS, BODY},
    },
    extract::Body,
    state::Shared,
    wire::{AmountText, CurrencyText, MoneyText},
};

/// What something is going to cost.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BudgetCheckRequest {
    #[schema(value_type = AmountText)]
    amount: Amount,
    #[schema(value_type = CurrencyText)]
    currency: Currency,
}

/// Whether it could be paid, as of a version. Only a hold makes sure that it still can.
#[derive(Serialize, ToSchema)]
pub(crate) struct BudgetCheckResponse {
    allowed: bool,
    /// The code with which a charge would be refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<BudgetReason>,
    #[schema(value_type = OwnerSchema)]
    payer: Owner,
    /// What may be spent at once.
    #[schema(value_type = MoneyText)]
    spendable: Money,
    #[schema(value_type = CurrencyText)]
    currency: Currency,
    version: u64,
    as_of: DateTime<Utc>,
}

/// Why it could not be paid.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BudgetReason {
    InsufficientFunds,
    TenantSuspended,
}

/// Who pays for a virtual key, and out of what.
#[derive(Serialize, ToSchema)]
pub(crate) struct BudgetResponse {
    #[schema(value_type = OwnerSchema)]
    payer: Owner,
    /// The payer's accounts, by currency.
    accounts: Vec<AccountResponse>,
}

problems!(GetBudgetProblems: ACCESS);
problems!(CheckBudgetProblems: ACCESS, BODY, &[Code::NoAccountInCurrency, Code::AccountQuarantined]);

/// Who pays for this virtual key, and what is left.
#[utoipa::path(
    get, path = "/budget", tag = "budget",
    security(("virtual_key" = []), ("bearer" = []), ("bearer" = [], "virtual_key" = [])),
    responses((status = 200, body = BudgetResponse), GetBudgetProblems)
)]
pub(crate) async fn get_budget(
    State(shared): State<Shared>,
    by: By<Holder>,
) -> Result<Json<BudgetResponse>, ApiError> {
    let payer = by.virtual_key()?.payer();
    let request = AccountsRequest { owner: Some(payer), ..AccountsRequest::default() };
    let mut accounts = shared.ledger().accounts(&by.caller, request).await?.accounts;
    accounts.sort_by_key(|account| String::from(account.currency));
    Ok(Json(BudgetResponse { payer, accounts: accounts.into_iter().map(AccountResponse::from).collect() }))
}

/// Whether this virtual key could pay that much now.
#[utoipa::path(
    post, path = "/budget/check", tag = "budget",
    security(("virtual_key" = []), ("bearer" = []), ("bearer" = [], "virtual_key" = [])),
    request_body = BudgetCheckRequest,
    responses((status = 200, body = BudgetCheckResponse), CheckBudgetProblems)
)]
pub(crate) async fn check_budget(
    State(shared): State<Shared>,
    by: By<Holder>,
    Body(BudgetCheckRequest { amount, currency }): Body<BudgetCheckRequest>,
) -> Result<Json<BudgetCheckResponse>, ApiError> {
    let key = by.virtual_key()?;
    let account = shared
        .ledger()
        .balance(&by.caller, by.payer(currency)?)
        .await
        .map_err(|error| no_account(error.into()))?;
    if account.status == AccountStatus::Quarantined {
        return Err(LedgerError::Quarantined.into());
    }
    let reason = if key.is_suspended {
        Some(BudgetReason::TenantSuspended)
    } else if account.available < amount.money() {
        Some(BudgetReason::InsufficientFunds)
    } else {
        None
    };
    Ok(Json(BudgetCheckResponse {
        allowed: reason.is_none(),
        reason,
        payer: key.payer(),
        spendable: account.available.max(Money::ZERO),
        currency,
        version: account.row.balance_version,
        as_of: account.updated_at,
    }))
}
