//! A JSON body: bounded in size and time, read strictly, and with a pointer to what is wrong in it.

use axum::{
    body::to_bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

use crate::{
    error::{ApiError, Code},
    state::Shared,
};

/// The body, as the type that the handler asks for.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Shared> for Body<T> {
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
        parse(&bytes.map_err(unread)?).map(Self)
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

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    // Read as plain JSON first, so that what is no JSON at all is never called a wrong value.
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes)
        .map_err(|error| ApiError::new(Code::Malformed, format!("the body is not JSON: {error}")))?;
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| match error.inner().classify() {
        Category::Data => ApiError::invalid(pointer(error.path()), told(error.inner())),
        // Deeper than is read, or a text that is not Unicode: JSON by its brackets alone.
        Category::Syntax | Category::Eof | Category::Io => {
            ApiError::new(Code::Malformed, format!("the body is not JSON: {}", error.inner()))
        }
    })
}

/// The message without the place in the text, which the pointer says better.
fn told(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(told, _)| told.to_owned())
}

/// RFC 6901.
fn pointer(path: &Path) -> String {
    let segment = |segment: &Segment| match segment {
        Segment::Seq { index } => Some(format!("/{index}")),
        Segment::Map { key } => Some(format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
        Segment::Enum { variant } => Some(format!("/{variant}")),
        Segment::Unknown => None,
    };
    path.iter().filter_map(segment).collect()
}
