//! Gateways: the programs that meter usage for any customer.

use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use ledger_core::Label;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    auth::{Admin, By},
    error::{
        ApiError, Code, problems,
        reference::{ACCESS, BODY},
    },
    extract::{Body, Named, Params},
    secret::{KeyKind, Secret},
    state::Shared,
    store::Gateway,
    wire::{LabelText, Page, PageParams, Row},
};

/// A gateway to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GatewayRequest {
    #[schema(value_type = LabelText)]
    name: Label,
}

/// A gateway, without the key.
#[derive(Serialize, ToSchema)]
pub(crate) struct GatewayResponse {
    id: Uuid,
    name: String,
    created_at: DateTime<Utc>,
    /// When the key was taken out of use, for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    revoked_at: Option<DateTime<Utc>>,
}

/// A gateway, with the key: this is the only time it is shown.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewGatewayResponse {
    #[serde(flatten)]
    stored: GatewayResponse,
    key: String,
}

problems!(CreateGatewayProblems: ACCESS, BODY);
problems!(ListGatewaysProblems: ACCESS, &[Code::Invalid]);
problems!(GatewayProblems: ACCESS, &[Code::NotFound]);

/// Makes a gateway.
#[utoipa::path(
    post, path = "/gateways", tag = "platform", security(("bearer" = [])),
    request_body = GatewayRequest,
    responses((status = 201, body = NewGatewayResponse), CreateGatewayProblems)
)]
pub(crate) async fn create_gateway(
    State(shared): State<Shared>,
    by: By<Admin>,
    Body(GatewayRequest { name }): Body<GatewayRequest>,
) -> Result<(StatusCode, Json<NewGatewayResponse>), ApiError> {
    let secret = Secret::generate(KeyKind::Gateway);
    let gateway = shared.store().insert_gateway(name.as_str(), secret.digest(), by.actor().as_str()).await?;
    let body = NewGatewayResponse { stored: gateway.into(), key: secret.reveal().to_owned() };
    Ok((StatusCode::CREATED, Json(body)))
}

/// All gateways.
#[utoipa::path(
    get, path = "/gateways", tag = "platform", params(PageParams), security(("bearer" = [])),
    responses((status = 200, body = Page<GatewayResponse>), ListGatewaysProblems)
)]
pub(crate) async fn list_gateways(
    State(shared): State<Shared>,
    _: By<Admin>,
    Params(PageParams { limit, cursor }): Params<PageParams>,
) -> Result<Json<Page<GatewayResponse>>, ApiError> {
    let gateways = shared.store().list_gateways(Row::after(cursor), limit.rows()).await?;
    let cursor = |gateway: &Gateway| Row { created_at: gateway.created_at, id: gateway.id }.cursor();
    Ok(Json(Page::of(gateways, limit, cursor, GatewayResponse::from)))
}

/// Takes a gateway's key out of use, at once and for good.
#[utoipa::path(
    delete, path = "/gateways/{id}", tag = "platform", params(("id" = Uuid, Path)), security(("bearer" = [])),
    responses((status = 204), GatewayProblems)
)]
pub(crate) async fn revoke_gateway(
    State(shared): State<Shared>,
    by: By<Admin>,
    Named(id): Named<Uuid>,
) -> Result<StatusCode, ApiError> {
    shared.store().revoke_gateway(id, by.actor().as_str()).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<Gateway> for GatewayResponse {
    fn from(Gateway { id, name, created_at, revoked_at }: Gateway) -> Self {
        Self { id, name, created_at, revoked_at }
    }
}
