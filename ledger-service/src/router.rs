//! Every route, and what lies around them all: request ids, capacity, panics, and problems for whatever no route answers.

use std::{any::Any, sync::Arc};

use axum::{
    Json, Router,
    extract::{Request, State},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::get,
};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::{router::OpenApiRouter, routes};
use utoipa_swagger_ui::SwaggerUi;

use crate::{
    error::{ApiError, Code, Problem},
    extract::{KnownParams, Slot},
    routes::{
        identity::{keys, tenants, users},
        money::{accounts, budget, charges, entries, refunds, statements, top_ups},
        platform::{gateways, operations, operators, overview},
    },
    state::Shared,
    telemetry,
    wire::unless_known,
};

/// What `/openapi.json` says beside the routes, each of which brings its own page.
#[derive(OpenApi)]
#[openapi(
    info(title = "Ledger", description = "An event-sourced, double-entry billing ledger"),
    components(schemas(Problem)),
    modifiers(&Credentials)
)]
struct Reference;

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, reference: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An operator's key op_…, a gateway's gw_… or a virtual key vk_…"))
            .build();
        let virtual_key =
            ApiKeyValue::with_description("x-virtualkey", "A virtual key: alone, or for whom a gateway acts");
        let components = reference.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        components.add_security_scheme("virtual_key", SecurityScheme::ApiKey(ApiKey::Header(virtual_key)));
    }
}

pub(crate) fn router(shared: &Shared) -> Router {
    let guarded = money().merge(identity()).merge(platform()).layer(from_fn(with_slot));
    let (routes, _) = guarded.merge(operations()).split_for_parts();
    let docs = SwaggerUi::new("/docs").config(utoipa_swagger_ui::Config::from("/openapi.json"));
    routes
        .route("/openapi.json", get(async || Json(reference())))
        .merge(docs)
        .fallback(async || ApiError::not_found())
        .method_not_allowed_fallback(async || {
            ApiError::new(Code::MethodNotAllowed, "the header Allow names the methods that this path knows")
        })
        .layer(from_fn(answer_what_is_new))
        .layer(from_fn_with_state(Arc::new(KnownParams::of(&reference())), take_known_params))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(telemetry::observe))
        .with_state(shared.clone())
}

/// What is answered when there is no room for a connection: how the service is, and that all else must be tried again.
pub(crate) fn spare(shared: &Shared) -> Router {
    let (routes, _) = operations().split_for_parts();
    routes
        .fallback(async || ApiError::new(Code::TryAgain, "too many connections are open"))
        .layer(from_fn(telemetry::observe))
        .with_state(shared.clone())
}

/// The routes' own pages together.
pub(crate) fn reference() -> utoipa::openapi::OpenApi {
    let all = OpenApiRouter::with_openapi(Reference::openapi());
    all.merge(money()).merge(identity()).merge(platform()).merge(operations()).into_openapi()
}

fn money() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(accounts::open_account, accounts::list_accounts))
        .routes(routes!(accounts::get_account))
        .routes(routes!(accounts::get_balance))
        .routes(routes!(statements::get_statement))
        .routes(routes!(entries::list_entries))
        .routes(routes!(entries::get_entry))
        .routes(routes!(top_ups::create_top_up))
        .routes(routes!(top_ups::get_top_up))
        .routes(routes!(top_ups::refund_top_up))
        .routes(routes!(top_ups::charge_back_top_up))
        .routes(routes!(charges::create_charge))
        .routes(routes!(charges::get_charge))
        .routes(routes!(charges::create_own_charge))
        .routes(routes!(refunds::refund_charge))
        .routes(routes!(budget::get_budget))
        .routes(routes!(budget::check_budget))
}

fn identity() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(tenants::create_tenant, tenants::list_tenants))
        .routes(routes!(tenants::get_tenant, tenants::update_tenant))
        .routes(routes!(users::create_user, users::list_users))
        .routes(routes!(users::get_user, users::update_user))
        .routes(routes!(keys::create_key, keys::list_keys))
        .routes(routes!(keys::get_key, keys::update_key, keys::revoke_key))
        .routes(routes!(keys::rotate_key))
}

fn platform() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(operators::create_operator, operators::list_operators))
        .routes(routes!(operators::revoke_operator))
        .routes(routes!(operators::rotate_operator))
        .routes(routes!(gateways::create_gateway, gateways::list_gateways))
        .routes(routes!(gateways::revoke_gateway))
        .routes(routes!(gateways::rotate_gateway))
        .routes(routes!(overview::get_overview))
}

/// Outside the limit on requests: whoever asks whether the service is well gets an answer also when it is busy.
fn operations() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(operations::check_health))
        .routes(routes!(operations::check_readiness))
        .routes(routes!(operations::show_metrics))
}

/// Gives a request room for its slot, and takes the slot back when the request is answered.
async fn with_slot(mut request: Request, next: Next) -> Response {
    let slot = Slot::default();
    request.extensions_mut().insert(slot.clone());
    let response = next.run(request).await;
    slot.give_back();
    response
}

/// A reader who has the answer already is told so, without it.
async fn answer_what_is_new(request: Request, next: Next) -> Response {
    let is_read = request.method().is_safe();
    let known = request.headers().clone();
    let answer = next.run(request).await;
    if is_read { unless_known(answer, &known) } else { answer }
}

/// Nobody is to believe that a parameter was taken which the operation does not know.
async fn take_known_params(State(known): State<Arc<KnownParams>>, request: Request, next: Next) -> Response {
    match known.check(&request) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    ApiError::internal(format!("panic: {}", text.unwrap_or_default())).into_response()
}
