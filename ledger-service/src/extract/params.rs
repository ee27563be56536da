//! The query: read as strictly as a body.

use axum::{extract::FromRequestParts, http::request::Parts};
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// The parameters of the query, as the type that the handler asks for.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        let reader = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
        let params = serde_path_to_error::deserialize(reader);
        params.map(Self).map_err(|error| {
            // A parameter that is missing or unknown has no place of its own: `.` is the whole query.
            let name = error.path().to_string();
            let pointer = if name == "." { "?".to_owned() } else { format!("?{name}") };
            ApiError::invalid(pointer, error.into_inner().to_string())
        })
    }
}
