//! Charges: what usage costs.

use axum::{Json, extract::State, response::Response};
use ledger_core::{AccountId, Amount, Caller, Charge, Currency, EntryId, Label, Note, Receipt};
use serde::Deserialize;
use utoipa::ToSchema;

use super::entries::{EntryProblems, EntryResponse, EntryType, created_entry, entry_of_type, foreseen_entry};
use crate::{
    auth::{By, Charger, Holder, Mover, Reader},
    error::{
        ApiError, Code, problems,
        reference::{ACCESS, BODY, MONEY},
    },
    extract::{Body, Keyed, KeyedParams, Named},
    state::Shared,
    store::StoreError,
    wire::{AmountText, CurrencyText, LabelText, Metadata, NoteText, NoteWords, UsageTime},
};

/// A price for something used.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChargeRequest {
    #[schema(value_type = AmountText)]
    amount: Amount,
    #[schema(value_type = CurrencyText)]
    currency: Currency,
    #[schema(value_type = Option<NoteText>)]
    description: Option<NoteWords>,
    /// The caller's own name for what is charged. No personal data: it is never erased.
    #[schema(value_type = Option<LabelText>)]
    reference: Option<Label>,
    /// The caller's own names and values: at most 50, each value at most 500 characters.
    #[serde(default)]
    #[schema(required = false)]
    metadata: Metadata,
    /// When it was used; now if absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    effective_at: Option<UsageTime>,
    /// Only tell what would happen.
    #[serde(default)]
    dry_run: bool,
}

impl ChargeRequest {
    fn read(self) -> (Charge, Note, bool) {
        let Self { amount, currency, description, reference, metadata: Metadata(metadata), .. } = self;
        let effective_at = self.effective_at.map(|UsageTime(at)| at);
        let charge = Charge { amount, currency, effective_at, reference };
        (charge, Note { description: description.map(String::from), metadata }, self.dry_run)
    }
}

problems!(
    ChargeProblems: ACCESS, BODY, MONEY,
    &[Code::InsufficientFunds, Code::TenantSuspended, Code::NotFound, Code::NoAccountInCurrency, Code::EffectiveInFuture]
);
problems!(
    OwnChargeProblems: ACCESS, BODY, MONEY,
    &[Code::InsufficientFunds, Code::TenantSuspended, Code::NoAccountInCurrency, Code::EffectiveInFuture]
);

/// Charges an account for usage.
#[utoipa::path(
    post, path = "/accounts/{id}/charges", tag = "money", params(("id" = Uuid, Path), KeyedParams),
    security(("bearer" = []), ("bearer" = [], "virtual_key" = [])),
    request_body = ChargeRequest,
    responses(
        (status = 201, body = EntryResponse),
        (status = 200, body = EntryResponse, description = "A dry run: nothing was stored"),
        ChargeProblems
    )
)]
pub(crate) async fn create_charge(
    State(shared): State<Shared>,
    by: Mover<Charger>,
    Named(account): Named<AccountId>,
    keyed: Keyed,
    Body(request): Body<ChargeRequest>,
) -> Result<Response, ApiError> {
    let (charge, note, is_dry_run) = request.read();
    by.expect_visible(&shared, account, charge.currency).await?;
    let by = by.begin(shared.store().expect_may_begin(account).await)?;
    let call = by.call(&keyed).note(note.clone())?;
    let call = if is_dry_run { call.dry_run() } else { call };
    let receipt = shared.ledger().charge(&call, account, charge).await.map_err(|error| by.refused(error))?;
    answer(&shared, &by.caller, &receipt, note, is_dry_run).await
}

/// Charges whoever pays for the virtual key.
#[utoipa::path(
    post, path = "/charges", tag = "money", params(KeyedParams),
    security(("virtual_key" = []), ("bearer" = []), ("bearer" = [], "virtual_key" = [])),
    request_body = ChargeRequest,
    responses(
        (status = 201, body = EntryResponse),
        (status = 200, body = EntryResponse, description = "A dry run: nothing was stored"),
        OwnChargeProblems
    )
)]
pub(crate) async fn create_own_charge(
    State(shared): State<Shared>,
    by: Mover<Holder>,
    keyed: Keyed,
    Body(request): Body<ChargeRequest>,
) -> Result<Response, ApiError> {
    let (charge, note, is_dry_run) = request.read();
    let may = if by.virtual_key()?.is_suspended { Err(StoreError::Suspended) } else { Ok(()) };
    let by = by.begin(may)?;
    let account = by.payer(charge.currency)?;
    let call = by.call(&keyed).note(note.clone())?;
    let call = if is_dry_run { call.dry_run() } else { call };
    let charged = shared.ledger().charge(&call, account, charge).await;
    let receipt = charged.map_err(|error| no_account(by.refused(error)))?;
    answer(&shared, &by.caller, &receipt, note, is_dry_run).await
}

async fn answer(
    shared: &Shared,
    caller: &Caller,
    receipt: &Receipt,
    note: Note,
    is_dry_run: bool,
) -> Result<Response, ApiError> {
    if is_dry_run {
        Ok(foreseen_entry(receipt, note))
    } else {
        created_entry(shared, caller, receipt, note).await
    }
}

/// A charge, as it is among the entries of its account.
#[utoipa::path(
    get, path = "/charges/{id}", tag = "money", params(("id" = Uuid, Path)), security(("bearer" = [])),
    responses((status = 200, body = EntryResponse), EntryProblems)
)]
pub(crate) async fn get_charge(
    State(shared): State<Shared>,
    by: By<Reader>,
    Named(charge): Named<EntryId>,
) -> Result<Json<EntryResponse>, ApiError> {
    entry_of_type(&shared, &by, charge, EntryType::Charged).await
}

/// A payer is known, so what is missing is their account in this currency.
pub(super) fn no_account(error: ApiError) -> ApiError {
    if error.code == Code::NotFound {
        return ApiError::at(
            Code::NoAccountInCurrency,
            "/currency",
            "the payer has no account in this currency",
        );
    }
    error
}
