//! Operators: the people and programs of the platform.

use axum::{Json, extract::State, http::StatusCode};
use ledger_core::Label;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    auth::{Admin, By},
    error::{
        ApiError, Code, problems,
        reference::{ACCESS, Listing, Making, Rotating},
    },
    extract::{Body, Named, Params, RotationRequest},
    rules::access::OperatorRole,
    secret::{KeyKind, Secret},
    state::Shared,
    store::{NewOperator, Operator},
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
    let (secret, created_by) = (Secret::generate(KeyKind::Operator), by.actor().into());
    let new = NewOperator { name: name.into(), role, digest: secret.digest(), created_by };
    let made = shared.store().insert_operator(by.scope(), by.proof()?, new).await?;
    Ok((StatusCode::CREATED, Json(Revealed::new(made, &secret))))
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

/// Gives an operator a new key. The one before is taken for `grace_seconds` more.
#[utoipa::path(
    post, path = "/operators/{id}/rotate", tag = "platform", params(("id" = Uuid, Path)),
    security(("bearer" = [])), request_body = RotationRequest,
    responses((status = 200, body = Revealed<Operator>), Rotating)
)]
pub(crate) async fn rotate_operator(
    State(shared): State<Shared>,
    by: By<Admin>,
    Named(id): Named<Uuid>,
    Body(RotationRequest { grace_seconds }): Body<RotationRequest>,
) -> Result<Json<Revealed<Operator>>, ApiError> {
    let (secret, store) = (Secret::generate(KeyKind::Operator), shared.store());
    let rotated = store.rotate(by.scope(), by.proof()?, id, secret.digest(), grace_seconds.0).await?;
    Ok(Json(Revealed::new(rotated, &secret)))
}

problems!(RevokeOperatorProblems: ACCESS, &[Code::NotFound, Code::LastAdmin]);

/// Takes an operator's key out of use, at once and for good. The last admin stays.
#[utoipa::path(
    delete, path = "/operators/{id}", tag = "platform", params(("id" = Uuid, Path)), security(("bearer" = [])),
    responses((status = 204), RevokeOperatorProblems)
)]
pub(crate) async fn revoke_operator(
    State(shared): State<Shared>,
    by: By<Admin>,
    Named(id): Named<Uuid>,
) -> Result<StatusCode, ApiError> {
    shared.store().revoke_operator(by.scope(), by.proof()?, id, by.actor().into()).await?;
    Ok(StatusCode::NO_CONTENT)
}
