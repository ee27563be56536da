//! Top-ups: money that came in, and the ways in which it goes out again.

use axum::{Json, extract::State, response::Response};
use ledger_core::{
    AccountId, Amount, ChargeBack, Currency, EntryId, Label, Note, Provider, RefundTopUp, TopUp,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::entries::{EntryProblems, EntryResponse, EntryType, created_entry, entry_of_type};
use crate::{
    auth::{By, Cashier, Mover, Reader},
    error::{
        ApiError, Code, problems,
        reference::{ACCESS, BODY, MONEY},
    },
    extract::{Body, Keyed, KeyedParams, Named},
    state::Shared,
    wire::{AmountText, CurrencyText, LabelText, ProviderText, Reason, ReasonText},
};

/// Money that a payment provider has taken for us.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TopUpRequest {
    #[schema(value_type = AmountText)]
    amount: Amount,
    #[schema(value_type = CurrencyText)]
    currency: Currency,
    #[schema(value_type = ProviderText)]
    provider: Provider,
    /// The provider's name for the payment. No personal data: it is never erased.
    #[schema(value_type = LabelText)]
    reference: Label,
    /// What the provider keeps.
    #[schema(value_type = Option<AmountText>)]
    fee: Option<Amount>,
}

/// How much of an entry to give back, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefundRequest {
    /// All that is left if absent.
    #[schema(value_type = Option<AmountText>)]
    amount: Option<Amount>,
    /// In words that can be erased.
    #[schema(value_type = ReasonText)]
    reason: Reason,
}

impl RefundRequest {
    /// How much, and the reason as a note.
    pub(crate) fn read(self) -> (Option<Amount>, Note) {
        (self.amount, Note::describing(self.reason))
    }
}

problems!(TopUpProblems: ACCESS, BODY, MONEY, &[Code::NotFound, Code::NoAccountInCurrency, Code::TooPrecise, Code::PaymentAlreadyBooked, Code::OutOfRange]);
problems!(RefundTopUpProblems: ACCESS, BODY, MONEY, &[Code::NotFound, Code::TooPrecise, Code::InsufficientFunds, Code::RefundExceedsTopUp]);
problems!(ChargeBackProblems: ACCESS, BODY, MONEY, &[Code::NotFound, Code::TooPrecise, Code::OutOfRange, Code::RefundExceedsTopUp]);

/// Books money that has come in.
#[utoipa::path(
    post, path = "/accounts/{id}/top-ups", tag = "money", params(("id" = Uuid, Path), KeyedParams),
    security(("bearer" = [])), request_body = TopUpRequest,
    responses((status = 201, body = EntryResponse), TopUpProblems)
)]
pub(crate) async fn create_top_up(
    State(shared): State<Shared>,
    by: Mover<Cashier>,
    Named(account): Named<AccountId>,
    keyed: Keyed,
    Body(TopUpRequest { amount, currency, provider, reference, fee }): Body<TopUpRequest>,
) -> Result<Response, ApiError> {
    let top_up = TopUp { amount, currency, provider, reference, fee };
    let receipt =
        shared.ledger().top_up(&by.call(&keyed), account, top_up).await.map_err(|error| by.refused(error))?;
    created_entry(&shared, &by.caller, &receipt, Note::default()).await
}

/// A top-up, as it is among the entries of its account.
#[utoipa::path(
    get, path = "/top-ups/{id}", tag = "money", params(("id" = Uuid, Path)), security(("bearer" = [])),
    responses((status = 200, body = EntryResponse), EntryProblems)
)]
pub(crate) async fn get_top_up(
    State(shared): State<Shared>,
    by: By<Reader>,
    Named(top_up): Named<EntryId>,
) -> Result<Json<EntryResponse>, ApiError> {
    entry_of_type(&shared, &by, top_up, EntryType::ToppedUp).await
}

/// Pays a top-up out again, as far as the money is still there.
#[utoipa::path(
    post, path = "/top-ups/{id}/refunds", tag = "money", params(("id" = Uuid, Path), KeyedParams),
    security(("bearer" = [])), request_body = RefundRequest,
    responses((status = 201, body = EntryResponse), RefundTopUpProblems)
)]
pub(crate) async fn refund_top_up(
    State(shared): State<Shared>,
    by: Mover<Cashier>,
    Named(top_up): Named<EntryId>,
    keyed: Keyed,
    Body(request): Body<RefundRequest>,
) -> Result<Response, ApiError> {
    let (amount, note) = request.read();
    let call = by.call(&keyed).note(note.clone())?;
    let receipt = shared
        .ledger()
        .refund_top_up(&call, RefundTopUp { top_up, amount })
        .await
        .map_err(|error| by.refused(error))?;
    created_entry(&shared, &by.caller, &receipt, note).await
}

/// Books a top-up that a bank has taken back, whether the money is still there or not.
#[utoipa::path(
    post, path = "/top-ups/{id}/chargebacks", tag = "money", params(("id" = Uuid, Path), KeyedParams),
    security(("bearer" = [])), request_body = RefundRequest,
    responses((status = 201, body = EntryResponse), ChargeBackProblems)
)]
pub(crate) async fn charge_back_top_up(
    State(shared): State<Shared>,
    by: Mover<Cashier>,
    Named(top_up): Named<EntryId>,
    keyed: Keyed,
    Body(request): Body<RefundRequest>,
) -> Result<Response, ApiError> {
    let (amount, note) = request.read();
    let call = by.call(&keyed).note(note.clone())?;
    let receipt = shared
        .ledger()
        .charge_back(&call, ChargeBack { top_up, amount })
        .await
        .map_err(|error| by.refused(error))?;
    created_entry(&shared, &by.caller, &receipt, note).await
}
