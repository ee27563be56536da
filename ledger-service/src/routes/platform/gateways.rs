//! Gateways: the programs that meter usage for any customer.

use axum::{Json, extract::State, http::StatusCode};
use uuid::Uuid;

use crate::{
    auth::{Admin, By},
    error::{
        ApiError,
        reference::{Listing, Making, Naming, Rotating},
    },
    extract::{Body, NameRequest, Named, Params, RotationRequest},
    secret::{KeyKind, Secret},
    state::Shared,
    store::Gateway,
    wire::{Page, PageParams, Revealed},
};

/// Makes a gateway.
#[utoipa::path(
    post, path = "/gateways", tag = "platform", security(("bearer" = [])), request_body = NameRequest,
    responses((status = 201, body = Revealed<Gateway>), Making)
)]
pub(crate) async fn create_gateway(
    State(shared): State<Shared>,
    by: By<Admin>,
    Body(NameRequest { name }): Body<NameRequest>,
) -> Result<(StatusCode, Json<Revealed<Gateway>>), ApiError> {
    let (secret, store) = (Secret::generate(KeyKind::Gateway), shared.store());
    let made = store.insert_gateway(by.scope(), name.as_str(), secret.digest(), by.actor().as_str()).await?;
    Ok((StatusCode::CREATED, Json(Revealed::new(made, &secret))))
}

/// All gateways.
#[utoipa::path(
    get, path = "/gateways", tag = "platform", params(PageParams), security(("bearer" = [])),
    responses((status = 200, body = Page<Gateway>), Listing)
)]
pub(crate) async fn list_gateways(
    State(shared): State<Shared>,
    by: By<Admin>,
    Params(params): Params<PageParams>,
) -> Result<Json<Page<Gateway>>, ApiError> {
    let gateways = shared.store().list_platform(by.scope(), params.span()).await?;
    Ok(Json(params.page(gateways)))
}

/// Gives a gateway a new key. The one before is taken for `grace_seconds` more, so that nothing has to stop.
#[utoipa::path(
    post, path = "/gateways/{id}/rotate", tag = "platform", params(("id" = Uuid, Path)),
    security(("bearer" = [])), request_body = RotationRequest,
    responses((status = 200, body = Revealed<Gateway>), Rotating)
)]
pub(crate) async fn rotate_gateway(
    State(shared): State<Shared>,
    by: By<Admin>,
    Named(id): Named<Uuid>,
    Body(RotationRequest { grace_seconds }): Body<RotationRequest>,
) -> Result<Json<Revealed<Gateway>>, ApiError> {
    let (secret, store) = (Secret::generate(KeyKind::Gateway), shared.store());
    let rotated = store.rotate(by.scope(), by.proof()?, id, secret.digest(), grace_seconds.0).await?;
    Ok(Json(Revealed::new(rotated, &secret)))
}

/// Takes a gateway's key out of use, at once and for good.
#[utoipa::path(
    delete, path = "/gateways/{id}", tag = "platform", params(("id" = Uuid, Path)), security(("bearer" = [])),
    responses((status = 204), Naming)
)]
pub(crate) async fn revoke_gateway(
    State(shared): State<Shared>,
    by: By<Admin>,
    Named(id): Named<Uuid>,
) -> Result<StatusCode, ApiError> {
    shared.store().revoke::<Gateway>(by.scope(), id, by.actor().as_str()).await?;
    Ok(StatusCode::NO_CONTENT)
}
