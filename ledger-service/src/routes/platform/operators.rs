//! Operators: the people and programs of the platform.

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
    store::{Operator, OperatorRole},
    wire::{LabelText, Page, PageParams, Row},
};

/// An operator to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperatorRequest {
    #[schema(value_type = LabelText)]
    name: Label,
    role: Role,
}

/// What an operator may do: everything, move money, or look.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    Admin,
    Cashier,
    Auditor,
}

/// An operator, without the key.
#[derive(Serialize, ToSchema)]
pub(crate) struct OperatorResponse {
    id: Uuid,
    name: String,
    role: Role,
    created_at: DateTime<Utc>,
    /// When the key was taken out of use, for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    revoked_at: Option<DateTime<Utc>>,
}

/// An operator, with the key: this is the only time it is shown.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewOperatorResponse {
    #[serde(flatten)]
    stored: OperatorResponse,
    key: String,
}

problems!(CreateOperatorProblems: ACCESS, BODY);
problems!(ListOperatorsProblems: ACCESS, &[Code::Invalid]);
problems!(OperatorProblems: ACCESS, &[Code::NotFound]);

/// Makes an operator.
#[utoipa::path(
    post, path = "/operators", tag = "platform", security(("bearer" = [])),
    request_body = OperatorRequest,
    responses((status = 201, body = NewOperatorResponse), CreateOperatorProblems)
)]
pub(crate) async fn create_operator(
    State(shared): State<Shared>,
    by: By<Admin>,
    Body(OperatorRequest { name, role }): Body<OperatorRequest>,
) -> Result<(StatusCode, Json<NewOperatorResponse>), ApiError> {
    let secret = Secret::generate(KeyKind::Operator);
    let (created_by, digest) = (by.actor(), secret.digest());
    let operator =
        shared.store().insert_operator(name.as_str(), role.into(), digest, created_by.as_str()).await?;
    let body = NewOperatorResponse { stored: operator.into(), key: secret.reveal().to_owned() };
    Ok((StatusCode::CREATED, Json(body)))
}

/// All operators.
#[utoipa::path(
    get, path = "/operators", tag = "platform", params(PageParams), security(("bearer" = [])),
    responses((status = 200, body = Page<OperatorResponse>), ListOperatorsProblems)
)]
pub(crate) async fn list_operators(
    State(shared): State<Shared>,
    _: By<Admin>,
    Params(PageParams { limit, cursor }): Params<PageParams>,
) -> Result<Json<Page<OperatorResponse>>, ApiError> {
    let operators = shared.store().list_operators(Row::after(cursor), limit.rows()).await?;
    let cursor = |operator: &Operator| Row { created_at: operator.created_at, id: operator.id }.cursor();
    Ok(Json(Page::of(operators, limit, cursor, OperatorResponse::from)))
}

/// Takes an operator's key out of use, at once and for good.
#[utoipa::path(
    delete, path = "/operators/{id}", tag = "platform", params(("id" = Uuid, Path)), security(("bearer" = [])),
    responses((status = 204), OperatorProblems)
)]
pub(crate) async fn revoke_operator(
    State(shared): State<Shared>,
    by: By<Admin>,
    Named(id): Named<Uuid>,
) -> Result<StatusCode, ApiError> {
    shared.store().revoke_operator(id, by.actor().as_str()).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<Operator> for OperatorResponse {
    fn from(Operator { id, name, role, created_at, revoked_at }: Operator) -> Self {
        Self { id, name, role: role.into(), created_at, revoked_at }
    }
}

impl From<OperatorRole> for Role {
    fn from(role: OperatorRole) -> Self {
        match role {
            OperatorRole::Admin => Self::Admin,
            OperatorRole::Cashier => Self::Cashier,
            OperatorRole::Auditor => Self::Auditor,
        }
    }
}

impl From<Role> for OperatorRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Admin => Self::Admin,
            Role::Cashier => Self::Cashier,
            Role::Auditor => Self::Auditor,
        }
    }
}
