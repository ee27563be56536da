//! Answers that several nouns give alike: a row with its version, and a key that is shown once.

use axum::{
    Json,
    http::{HeaderValue, header},
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
