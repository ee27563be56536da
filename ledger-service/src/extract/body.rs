//! A JSON body: bounded in size and time.

use axum::{
    body::to_bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use super::json;
use crate::{
    error::{ApiError, Code},
    state::Shared,
};

/// The body, as the type that the handler asks for.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned + ToSchema> FromRequest<Shared> for Body<T> {
    type Rejection = ApiError;
    async fn from_request(request: Request, shared: &Shared) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            let detail = "the body must come with content-type: application/json";
            return Err(ApiError::new(Code::UnsupportedMediaType, detail));
        }
        let limits = shared.limits();
        let read = to_bytes(request.into_body(), limits.body_bytes_max);
        // A deadline for the whole and not between two parts: one byte a second must not hold a connection for days.
        let read = tokio::time::timeout(limits.body_timeout, read).await;
        let bytes = read.map_err(|_| ApiError::new(Code::RequestTimeout, "the body did not come in time"))?;
        json::read(&bytes.map_err(unread)?).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

fn unread(error: axum::Error) -> ApiError {
    let error = error.into_inner();
    if error.is::<LengthLimitError>() {
        return ApiError::new(Code::TooLarge, "the body is larger than the service takes");
    }
    ApiError::new(Code::Malformed, "the body did not come whole")
}
