//! Logs and metrics. No secret comes here: bodies, queries and credentials are never logged.

use std::{
    io::IsTerminal,
    sync::OnceLock,
    time::{Duration, Instant},
};

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue, StatusCode},
    middleware::Next,
    response::Response,
};
use ledger_core::Label;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};
use uuid::Uuid;

use crate::{config::LogFormat, error::ApiError, extract::RequestId};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Upper bounds of the histogram, in seconds: from a read out of memory to a batch behind a slow disk.
const LATENCY_BUCKETS: [f64; 12] =
    [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

/// The methods that are counted by their names.
const METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts the log, filtered by `RUST_LOG`. Once in a process.
pub fn install_log(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::registry().with(filter);
    match format {
        LogFormat::Human => {
            let colours = std::io::stderr().is_terminal();
            log.with(fmt::layer().with_ansi(colours).with_writer(std::io::stderr)).init();
        }
        LogFormat::Json => {
            log.with(fmt::layer().json().flatten_event(true).with_writer(std::io::stderr)).init();
        }
    }
}

/// Starts a log of everything, down to the least, for a test that looks into it. Once in a process.
pub fn install_log_into<W: std::io::Write + 'static>(writer: impl Fn() -> W + Send + Sync + 'static) {
    let log = fmt::layer().json().with_writer(writer);
    tracing_subscriber::registry().with(EnvFilter::new("trace")).with(log).init();
}

/// Starts counting. All services of one process count together.
pub(crate) fn install_metrics() {
    METRICS.get_or_init(|| {
        let builder = PrometheusBuilder::new().set_buckets(&LATENCY_BUCKETS).expect("there are buckets");
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another recorder counts already; /metrics stays empty");
        }
        handle
    });
}

/// What was counted, as Prometheus reads it.
pub(crate) fn render_metrics() -> String {
    METRICS
        .get()
        .map(|metrics| {
            metrics.run_upkeep();
            metrics.render()
        })
        .unwrap_or_default()
}

/// Around every request: gives it an id, turns a refusal into its document, counts and logs it.
pub(crate) async fn observe(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let request_id = request_id(&request);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |route| route.as_str().to_owned());
    request.extensions_mut().insert(RequestId(request_id.clone()));

    let mut response = next.run(request).await;
    let error = response.extensions_mut().remove::<ApiError>();
    if let Some(error) = &error {
        let refused = std::mem::replace(&mut response, error.document(request_id.as_str(), &path));
        // What a layer in between has said, such as which methods a path knows.
        for (name, value) in refused.headers() {
            response.headers_mut().entry(name).or_insert_with(|| value.clone());
        }
    }
    if let Ok(value) = HeaderValue::from_str(request_id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let (status, elapsed) = (response.status(), started.elapsed());
    count(method.as_str(), &route, status, elapsed);
    log(&request_id, method.as_str(), &path, status, elapsed, error.as_ref());
    response
}

/// The caller's own id for the request if it is one that can be echoed, else a new one.
#[expect(clippy::disallowed_methods, reason = "it names the request, and nothing is decided by it")]
fn request_id(request: &Request) -> Label {
    let sent = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok()?.parse().ok());
    sent.unwrap_or_else(|| Uuid::new_v4().to_string().parse().expect("a uuid is a label"))
}

fn count(method: &str, route: &str, status: StatusCode, elapsed: Duration) {
    // By the route and never by the path, and by methods that there are: anything else that callers make up would be a new
    // series each time.
    let method = if METHODS.contains(&method) { method } else { "other" };
    let labels =
        [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.as_u16().to_string())];
    metrics::counter!("http_requests_total", &labels).increment(1);
    metrics::histogram!("http_request_seconds", &labels[..2]).record(elapsed.as_secs_f64());
}

fn log(
    id: &Label,
    method: &str,
    path: &str,
    status: StatusCode,
    elapsed: Duration,
    error: Option<&ApiError>,
) {
    let (status, elapsed_ms, request_id) = (status.as_u16(), elapsed.as_secs_f64() * 1e3, id.as_str());
    let code = error.map_or("", |error| error.code.name());
    match error {
        // To be told to try again because something is full is no fault of anybody's, and may be said very often.
        Some(error) if status >= 500 && error.has_cause() => {
            let cause = error.chain();
            tracing::error!(request_id, method, path, status, code, elapsed_ms, cause, "request");
        }
        Some(_) | None => tracing::info!(request_id, method, path, status, code, elapsed_ms, "request"),
    }
}
