//! How the service is, for whoever runs it.

use axum::{Json, extract::State, http::header, response::IntoResponse};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    error::{ApiError, Code, problems},
    state::Shared,
    telemetry,
};

/// That it is well; otherwise it does not answer so.
#[derive(Serialize, ToSchema)]
pub(crate) struct HealthResponse {
    #[schema(example = "ok")]
    status: &'static str,
}

problems!(OperationProblems: &[Code::Invalid]);
problems!(ReadinessProblems: &[Code::Invalid, Code::TryAgain]);

/// Alive: the process answers.
#[utoipa::path(
    get, path = "/healthz", tag = "operations", security(()), responses((status = 200, body = HealthResponse), OperationProblems)
)]
pub(crate) async fn check_health() -> Json<HealthResponse> {
    Json(HealthResponse { status: "ok" })
}

/// Ready: every lane answers, and the database commits a write that leaves nothing behind.
#[utoipa::path(
    get, path = "/readyz", tag = "operations", security(()),
    responses((status = 200, body = HealthResponse), ReadinessProblems)
)]
pub(crate) async fn check_readiness(State(shared): State<Shared>) -> Result<Json<HealthResponse>, ApiError> {
    shared.probe().await?;
    Ok(Json(HealthResponse { status: "ok" }))
}

/// Counts and latencies, as Prometheus reads them.
#[utoipa::path(
    get, path = "/metrics", tag = "operations", security(()),
    responses((status = 200, body = String, content_type = "text/plain"), OperationProblems)
)]
pub(crate) async fn show_metrics() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], telemetry::render_metrics())
}
