//! Answers that several nouns give alike: a row with its version, and a key that is shown once.

use axum::{
    Json,
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::secret::Secret;

/// A row, with its version as `ETag`.
pub(crate) struct Versioned<T>(pub(crate) T, pub(crate) u64);

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        ([(header::ETAG, etag(self.1))], Json(self.0)).into_response()
    }
}

/// What was made or rotated, with its key: this is the only time that the key is shown.
#[derive(Serialize, ToSchema)]
pub(crate) struct Revealed<T> {
    #[serde(flatten)]
    stored: T,
    key: String,
}

impl<T> Revealed<T> {
    pub(crate) fn new(stored: T, secret: &Secret) -> Self {
        Self { stored, key: secret.reveal().to_owned() }
    }
}

/// A version as `If-Match` takes it.
pub(crate) fn etag(version: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).expect("digits are printable")
}

/// 304 in place of an answer that the caller has already, by the `ETag` in its `If-None-Match`.
pub(crate) fn unless_known(mut answer: Response, known: &HeaderMap) -> Response {
    let Some(tag) = answer.headers().get(header::ETAG).filter(|_| answer.status() == StatusCode::OK) else {
        return answer;
    };
    let listed = known.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = listed.flat_map(|list| list.split(',')).map(str::trim);
    // RFC 9110: weakly compared.
    if tags.any(|known| known == "*" || known.trim_start_matches("W/").as_bytes() == tag.as_bytes()) {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        *answer.body_mut() = Body::empty();
        answer.headers_mut().remove(header::CONTENT_TYPE);
        answer.headers_mut().remove(header::CONTENT_LENGTH);
    }
    answer
}
