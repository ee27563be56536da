//! A JSON body: bounded in size and time, and all bodies together in memory.

use axum::{
    body::HttpBody,
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Slot, json};
use crate::{
    error::{ApiError, Code},
    shares::Share,
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
        let slot: Slot = request.extensions().get().cloned().ok_or_else(nobody)?;
        let credential = slot.give_back().ok_or_else(nobody)?;
        let limits = shared.limits();
        let mut share = shared.bodies().of(credential);
        let read = read(request.into_body(), limits.body_bytes_max, &mut share);
        // A deadline for the whole and not between two parts: one byte a second must not hold a connection for days.
        let read = tokio::time::timeout(limits.body_timeout, read).await;
        let bytes =
            read.map_err(|_| ApiError::new(Code::RequestTimeout, "the body did not come in time"))??;
        slot.take(shared, credential)?;
        json::read(&bytes).map(Self)
    }
}

fn nobody() -> ApiError {
    ApiError::internal("a body from nobody")
}

/// As it comes, if there is room for it in the memory that all bodies share: for all of it before the first byte is read, or for
/// each part where nobody says how long it will be.
async fn read(mut body: axum::body::Body, most: usize, share: &mut Share<Uuid>) -> Result<Vec<u8>, ApiError> {
    let declared = body.size_hint().exact().map_or(Ok(0), usize::try_from).unwrap_or(usize::MAX);
    check(declared, most, share, declared)?;
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ApiError::new(Code::Malformed, "the body did not come whole"))?;
        let Ok(part) = frame.into_data() else { continue };
        let length = bytes.len() + part.len();
        check(length, most, share, length.saturating_sub(declared.max(bytes.len())))?;
        bytes.extend_from_slice(&part);
    }
    Ok(bytes)
}

/// Takes so much more for a body that comes to this length.
fn check(length: usize, most: usize, share: &mut Share<Uuid>, more: usize) -> Result<(), ApiError> {
    if length > most {
        return Err(ApiError::new(Code::TooLarge, "the body is larger than the service takes"));
    }
    if share.take(more) { Ok(()) } else { Err(ApiError::new(Code::TryAgain, "too many bodies are coming")) }
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}
