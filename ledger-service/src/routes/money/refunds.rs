//! Refunds of charges. A virtual key alone may not give anything back: that needs the gateway or an operator.

use axum::{extract::State, response::Response};
use ledger_core::{EntryId, Refund};

use super::{
    entries::{EntryResponse, created_entry},
    top_ups::RefundRequest,
};
use crate::{
    auth::{Charger, Mover},
    error::{
        ApiError, Code, problems,
        reference::{ACCESS, BODY, MONEY},
    },
    extract::{Body, Keyed, KeyedParams, Named},
    state::Shared,
};

problems!(RefundProblems: ACCESS, BODY, MONEY, &[Code::NotFound, Code::OutOfRange, Code::RefundExceedsCharge]);

/// Gives a charge back, wholly or in part; never more than the charge in all.
#[utoipa::path(
    post, path = "/charges/{id}/refunds", tag = "money", params(("id" = Uuid, Path), KeyedParams),
    security(("bearer" = []), ("bearer" = [], "virtual_key" = [])),
    request_body = RefundRequest,
    responses((status = 201, body = EntryResponse), RefundProblems)
)]
pub(crate) async fn refund_charge(
    State(shared): State<Shared>,
    by: Mover<Charger>,
    Named(charge): Named<EntryId>,
    keyed: Keyed,
    Body(request): Body<RefundRequest>,
) -> Result<Response, ApiError> {
    by.expect_visible_entry(&shared, charge).await?;
    let (amount, note) = request.read();
    let call = by.call(&keyed).note(note.clone())?;
    let receipt =
        shared.ledger().refund(&call, Refund { charge, amount }).await.map_err(|error| by.refused(error))?;
    created_entry(&shared, &by.caller, &receipt, note).await
}
