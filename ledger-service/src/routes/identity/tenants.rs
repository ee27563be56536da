//! Tenants: companies that people are members of, and that pay for them.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use ledger_core::{Label, Note};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    auth::{Admin, Auditor, By},
    error::{
        ApiError, Code, problems,
        reference::{ACCESS, BODY},
    },
    extract::{Body, IfMatch, IfMatchParams, Named, Params},
    state::Shared,
    store::{NewTenant, Tenant, TenantChange, TenantStatus},
    wire::{LabelText, Metadata, Page, PageParams, Row, SlugText, etag},
};

/// The plan of a tenant that none was named for.
const DEFAULT_PLAN: &str = "standard";

/// A tenant to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantRequest {
    #[schema(value_type = LabelText)]
    name: Label,
    #[schema(value_type = SlugText)]
    slug: Slug,
    #[schema(value_type = Option<LabelText>)]
    plan: Option<Label>,
    /// The platform's own names and values.
    #[serde(default)]
    #[schema(value_type = Metadata, required = false)]
    settings: BTreeMap<String, String>,
}

/// What is to change; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantPatch {
    #[schema(value_type = Option<LabelText>)]
    name: Option<Label>,
    #[schema(value_type = Option<SlugText>)]
    slug: Option<Slug>,
    #[schema(value_type = Option<LabelText>)]
    plan: Option<Label>,
    status: Option<TenantState>,
    #[schema(value_type = Option<Metadata>)]
    settings: Option<BTreeMap<String, String>>,
}

/// Whether a tenant may begin anything new. What has begun can always be settled.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TenantState {
    Active,
    Suspended,
    Deleted,
}

/// A tenant.
#[derive(Serialize, ToSchema)]
pub(crate) struct TenantResponse {
    id: Uuid,
    name: String,
    slug: String,
    plan: String,
    status: TenantState,
    #[schema(value_type = BTreeMap<String, String>)]
    settings: Value,
    version: u64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// 1 to 63 of `a-z`, `0-9` and `-`, none of which it begins with but the first two.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Slug(String);

impl TryFrom<String> for Slug {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, &'static str> {
        let spelled =
            text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if spelled && (1..=63).contains(&text.len()) && !text.starts_with('-') {
            Ok(Self(text))
        } else {
            Err("a slug is 1 to 63 of a-z, 0-9 and -, such as acme-labs")
        }
    }
}

problems!(CreateTenantProblems: ACCESS, BODY, &[Code::SlugTaken]);
problems!(ListTenantsProblems: ACCESS, &[Code::Invalid]);
problems!(GetTenantProblems: ACCESS, &[Code::NotFound]);
problems!(UpdateTenantProblems: ACCESS, BODY, &[Code::NotFound, Code::SlugTaken, Code::StaleVersion]);

/// Makes a tenant.
#[utoipa::path(
    post, path = "/tenants", tag = "identity", security(("bearer" = [])),
    request_body = TenantRequest,
    responses((status = 201, body = TenantResponse), CreateTenantProblems)
)]
pub(crate) async fn create_tenant(
    State(shared): State<Shared>,
    by: By<Admin>,
    Body(request): Body<TenantRequest>,
) -> Result<Response, ApiError> {
    let tenant = NewTenant {
        name: request.name.into(),
        slug: request.slug.0,
        plan: request.plan.map_or_else(|| DEFAULT_PLAN.to_owned(), String::from),
        settings: settings(request.settings)?,
        created_by: by.actor().into(),
    };
    let tenant = shared.store().insert_tenant(tenant).await?;
    Ok((StatusCode::CREATED, shown(tenant)).into_response())
}

/// All tenants.
#[utoipa::path(
    get, path = "/tenants", tag = "identity", params(PageParams), security(("bearer" = [])),
    responses((status = 200, body = Page<TenantResponse>), ListTenantsProblems)
)]
pub(crate) async fn list_tenants(
    State(shared): State<Shared>,
    _: By<Auditor>,
    Params(PageParams { limit, cursor }): Params<PageParams>,
) -> Result<Json<Page<TenantResponse>>, ApiError> {
    let tenants = shared.store().list_tenants(Row::after(cursor), limit.rows()).await?;
    let cursor = |tenant: &Tenant| Row { created_at: tenant.created_at, id: tenant.id }.cursor();
    Ok(Json(Page::of(tenants, limit, cursor, TenantResponse::from)))
}

/// One tenant.
#[utoipa::path(
    get, path = "/tenants/{id}", tag = "identity", params(("id" = Uuid, Path)), security(("bearer" = [])),
    responses((status = 200, body = TenantResponse, headers(("ETag" = String))), GetTenantProblems)
)]
pub(crate) async fn get_tenant(
    State(shared): State<Shared>,
    _: By<Auditor>,
    Named(id): Named<Uuid>,
) -> Result<Response, ApiError> {
    Ok(shown(shared.store().select_tenant(id).await?))
}

/// Changes a tenant. While it is suspended, its keys can begin nothing new.
#[utoipa::path(
    patch, path = "/tenants/{id}", tag = "identity", params(("id" = Uuid, Path), IfMatchParams),
    security(("bearer" = [])),
    request_body = TenantPatch,
    responses((status = 200, body = TenantResponse, headers(("ETag" = String))), UpdateTenantProblems)
)]
pub(crate) async fn update_tenant(
    State(shared): State<Shared>,
    _: By<Admin>,
    Named(id): Named<Uuid>,
    IfMatch(if_version): IfMatch,
    Body(patch): Body<TenantPatch>,
) -> Result<Response, ApiError> {
    let change = TenantChange {
        if_version,
        name: patch.name.map(String::from),
        slug: patch.slug.map(|slug| slug.0),
        plan: patch.plan.map(String::from),
        status: patch.status.map(TenantStatus::from),
        settings: patch.settings.map(settings).transpose()?,
    };
    Ok(shown(shared.store().update_tenant(id, change).await?))
}

/// Bounded as every free text is.
fn settings(settings: BTreeMap<String, String>) -> Result<Value, ApiError> {
    let note = Note { description: None, metadata: settings };
    note.check()
        .map_err(|limit| ApiError::invalid("/settings", format!("{} is {}", limit.field, limit.rule)))?;
    Ok(note.metadata.into_iter().map(|(name, value)| (name, Value::from(value))).collect())
}

fn shown(tenant: Tenant) -> Response {
    ([(header::ETAG, etag(tenant.version))], Json(TenantResponse::from(tenant))).into_response()
}

impl From<Tenant> for TenantResponse {
    fn from(tenant: Tenant) -> Self {
        Self {
            id: tenant.id,
            name: tenant.name,
            slug: tenant.slug,
            plan: tenant.plan,
            status: tenant.status.into(),
            settings: tenant.settings,
            version: tenant.version,
            created_at: tenant.created_at,
            updated_at: tenant.updated_at,
        }
    }
}

impl From<TenantStatus> for TenantState {
    fn from(status: TenantStatus) -> Self {
        match status {
            TenantStatus::Active => Self::Active,
            TenantStatus::Suspended => Self::Suspended,
            TenantStatus::Deleted => Self::Deleted,
        }
    }
}

impl From<TenantState> for TenantStatus {
    fn from(state: TenantState) -> Self {
        match state {
            TenantState::Active => Self::Active,
            TenantState::Suspended => Self::Suspended,
            TenantState::Deleted => Self::Deleted,
        }
    }
}
