//! The query: read as strictly as a body. What an operation does not declare it does not take, so that nobody believes that
//! `?dry_run=true` had an effect.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    extract::{FromRequestParts, MatchedPath, Request},
    http::{Method, request::Parts},
};
use serde::de::DeserializeOwned;
use utoipa::openapi::{OpenApi, path::ParameterIn};

use crate::error::{ApiError, FieldError};

/// Some of the parameters of the query, as the type that the handler asks for.
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

/// The names that each operation takes in its query, as the reference declares them.
pub(crate) struct KnownParams(BTreeMap<(String, String), BTreeSet<String>>);

impl KnownParams {
    pub(crate) fn of(reference: &OpenApi) -> Self {
        let mut known = BTreeMap::new();
        for (path, item) in &reference.paths.paths {
            let operations = [
                ("GET", &item.get),
                ("POST", &item.post),
                ("PUT", &item.put),
                ("PATCH", &item.patch),
                ("DELETE", &item.delete),
            ];
            for (method, operation) in operations {
                let Some(operation) = operation else { continue };
                let declared = operation.parameters.iter().flatten();
                let names = declared.filter(|one| matches!(one.parameter_in, ParameterIn::Query));
                let names = names.map(|one| one.name.clone()).collect();
                known.insert((method.to_owned(), path.clone()), names);
            }
        }
        Self(known)
    }

    /// Refuses a query with names that the operation does not take.
    pub(crate) fn check(&self, request: &Request) -> Result<(), ApiError> {
        let Some(query) = request.uri().query() else { return Ok(()) };
        let Some(path) = request.extensions().get::<MatchedPath>() else { return Ok(()) };
        let method = if request.method() == Method::HEAD { "GET" } else { request.method().as_str() };
        let Some(known) = self.0.get(&(method.to_owned(), path.as_str().to_owned())) else { return Ok(()) };
        let names = form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name);
        let unknown = names.filter(|name| !known.contains(name.as_ref()));
        let fault = |name| FieldError::new(format!("?{name}"), "this operation takes no such parameter");
        let faults: Vec<FieldError> = unknown.map(fault).collect();
        if faults.is_empty() { Ok(()) } else { Err(ApiError::faulty(faults)) }
    }
}
