//! Operators: the people and programs of the platform.

use axum::{Json, extract::State, http::StatusCode};
use ledger_core::Label;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    auth::{Admin, By},
    error::{
        ApiError,
        reference::{Listing, Making, Naming},
    },
    extract::{Body, Named, Params},
    rules::access::OperatorRole,
    secret::{KeyKind, Secret},
    state::Shared,
    store::Operator,
    wire::{LabelText, Page, PageParams, Revealed},
};

/// An operator to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperatorRequest {
    #[schema(value_type = LabelText)]
    name: Label,
    role: OperatorRole,
}

/// Makes an operator.
#[utoipa::path(
    post, path = "/operators", tag = "platform", security(("bearer" = [])),
    request_body = OperatorRequest,
    responses((status = 201, body = Revealed<Operator>), Making)
)]
pub(crate) async fn create_operator(
    State(shared): State<Shared>,
    by: By<Admin>,
    Body(OperatorRequest { name, role }): Body<OperatorRequest>,
) -> Result<(StatusCode, Json<Revealed<Operator>>), ApiError> {
    let (secret, created_by) = (Secret::generate(KeyKind::Operator), by.actor());
    let insert =
        shared.store().insert_operator(by.scope(), name.as_str(), role, secret.digest(), created_by.as_str());
    Ok((StatusCode::CREATED, Json(Revealed::new(insert.await?, &secret))))
}

/// All operators.
#[utoipa::path(
    get, path = "/operators", tag = "platform", params(PageParams), security(("bearer" = [])),
    responses((status = 200, body = Page<Operator>), Listing)
)]
pub(crate) async fn list_operators(
    State(shared): State<Shared>,
    by: By<Admin>,
    Params(params): Params<PageParams>,
) -> Result<Json<Page<Operator>>, ApiError> {
    let operators = shared.store().list_platform(by.scope(), params.span()).await?;
    Ok(Json(params.page(operators)))
}

/// Takes an operator's key out of use, at once and for good.
#[utoipa::path(
    delete, path = "/operators/{id}", tag = "platform", params(("id" = Uuid, Path)), security(("bearer" = [])),
    responses((status = 204), Naming)
)]
pub(crate) async fn revoke_operator(
    State(shared): State<Shared>,
    by: By<Admin>,
    Named(id): Named<Uuid>,
) -> Result<StatusCode, ApiError> {
    shared.store().revoke::<Operator>(by.scope(), id, by.actor().as_str()).await?;
    Ok(StatusCode::NO_CONTENT)
}
