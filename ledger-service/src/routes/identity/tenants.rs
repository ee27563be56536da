//! Tenants: companies that people are members of, and that pay for them.

use axum::{Json, extract::State, http::StatusCode};
use ledger_core::Label;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    auth::{Admin, AnyOperator, By},
    error::{
        ApiError, Code, problems,
        reference::{ACCESS, BODY, Listing, Naming, Unchanged},
    },
    extract::{Body, IfMatch, IfMatchParams, Named, Params},
    state::Shared,
    store::{NewTenant, Tenant, TenantChange, TenantStatus},
    wire::{LabelText, Metadata, Page, PageParams, SlugText, Versioned},
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
    #[schema(required = false)]
    settings: Metadata,
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
    status: Option<TenantStatus>,
    settings: Option<Metadata>,
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
problems!(UpdateTenantProblems: ACCESS, BODY, &[Code::NotFound, Code::SlugTaken, Code::StaleVersion]);

/// Makes a tenant.
#[utoipa::path(
    post, path = "/tenants", tag = "identity", security(("bearer" = [])),
    request_body = TenantRequest,
    responses((status = 201, body = Tenant), CreateTenantProblems)
)]
pub(crate) async fn create_tenant(
    State(shared): State<Shared>,
    by: By<Admin>,
    Body(request): Body<TenantRequest>,
) -> Result<(StatusCode, Versioned<Tenant>), ApiError> {
    let tenant = NewTenant {
        name: request.name.into(),
        slug: request.slug.0,
        plan: request.plan.map_or_else(|| DEFAULT_PLAN.to_owned(), String::from),
        settings: settings(request.settings),
        created_by: by.actor().into(),
    };
    Ok((StatusCode::CREATED, shown(shared.store().insert_tenant(by.scope(), tenant).await?)))
}

/// All tenants.
#[utoipa::path(
    get, path = "/tenants", tag = "identity", params(PageParams), security(("bearer" = [])),
    responses((status = 200, body = Page<Tenant>), Listing)
)]
pub(crate) async fn list_tenants(
    State(shared): State<Shared>,
    by: By<AnyOperator>,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<Tenant>>, ApiError> {
    let tenants = shared.store().list(by.scope(), page.span()).await?;
    Ok(Json(page.page(tenants)))
}

/// One tenant.
#[utoipa::path(
    get, path = "/tenants/{id}", tag = "identity", params(("id" = Uuid, Path)), security(("bearer" = [])),
    responses((status = 200, body = Tenant, headers(("ETag" = String))), Unchanged, Naming)
)]
pub(crate) async fn get_tenant(
    State(shared): State<Shared>,
    by: By<AnyOperator>,
    Named(id): Named<Uuid>,
) -> Result<Versioned<Tenant>, ApiError> {
    Ok(shown(by.find(shared.store(), id).await?))
}

/// Changes a tenant. While it is suspended, its keys can begin nothing new.
#[utoipa::path(
    patch, path = "/tenants/{id}", tag = "identity", params(("id" = Uuid, Path), IfMatchParams),
    security(("bearer" = [])),
    request_body = TenantPatch,
    responses((status = 200, body = Tenant, headers(("ETag" = String))), UpdateTenantProblems)
)]
pub(crate) async fn update_tenant(
    State(shared): State<Shared>,
    by: By<Admin>,
    Named(id): Named<Uuid>,
    IfMatch(if_version): IfMatch,
    Body(patch): Body<TenantPatch>,
) -> Result<Versioned<Tenant>, ApiError> {
    let change = TenantChange {
        if_version,
        name: patch.name.map(String::from),
        slug: patch.slug.map(|slug| slug.0),
        plan: patch.plan.map(String::from),
        status: patch.status,
        settings: patch.settings.map(settings),
    };
    Ok(shown(shared.store().update_tenant(by.scope(), id, change).await?))
}

fn settings(Metadata(settings): Metadata) -> Value {
    settings.into_iter().map(|(name, value)| (name, Value::from(value))).collect()
}

fn shown(tenant: Tenant) -> Versioned<Tenant> {
    let version = tenant.version;
    Versioned(tenant, version)
}
