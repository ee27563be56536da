//! Every answer other than well: one closed set of codes, and the problem document that carries them (RFC 9457).

mod code;
mod ledger;
pub(crate) mod reference;

use std::{error::Error, sync::Arc};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

pub(crate) use self::{code::Code, reference::problems};

/// Seconds after which the very same request may succeed.
const RETRY_AFTER_SECONDS: u16 = 1;
pub(crate) const IDEMPOTENCY_REPLAYED: &str = "idempotency-replayed";

/// Why a request was not answered as asked. It becomes a problem document on its way out, where the request's id is known.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    pub(crate) code: Code,
    detail: String,
    errors: Vec<FieldError>,
    /// What a program needs to know beside the code, such as the balance that was not enough.
    members: Map<String, Value>,
    replayed: bool,
    /// For the log, never for the caller.
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// One fault of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// A JSON pointer into the body, or `?name` for a parameter of the query.
    #[schema(example = "/amount")]
    pointer: String,
    /// What is wrong there.
    detail: String,
}

/// What every refusal looks like.
#[derive(Serialize, ToSchema)]
pub(crate) struct Problem<'a> {
    /// A URI for the code.
    #[schema(example = "urn:ledger:problem:insufficient_funds")]
    r#type: String,
    /// The code in words.
    title: &'static str,
    /// The HTTP status.
    #[schema(value_type = u16)]
    status: u16,
    /// What happened this time.
    detail: &'a str,
    /// The path that was asked for.
    instance: &'a str,
    /// The stable name that programs match on.
    #[schema(value_type = String)]
    code: Code,
    /// What to quote when asking for help.
    request_id: &'a str,
    /// Every fault that was found in the request.
    #[schema(value_type = Vec<FieldError>)]
    errors: &'a [FieldError],
    #[serde(flatten)]
    #[schema(ignore)]
    members: &'a Map<String, Value>,
}

impl FieldError {
    pub(crate) fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

impl ApiError {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        let (errors, members) = (Vec::new(), Map::new());
        Self { code, detail: detail.into(), errors, members, replayed: false, source: None }
    }

    /// Absent, or somebody else's: one text for both, or the difference could be read off it.
    pub(crate) fn not_found() -> Self {
        Self::new(Code::NotFound, "there is no such thing, or it is not yours")
    }

    pub(crate) fn forbidden() -> Self {
        Self::new(Code::Forbidden, "this credential may not do that")
    }

    /// The tenant that would pay may begin nothing new.
    pub(crate) fn suspended() -> Self {
        Self::new(Code::TenantSuspended, "the tenant is suspended or deleted: nothing new may begin")
    }

    /// A value of the request that cannot be taken.
    pub(crate) fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::at(Code::Invalid, pointer, detail)
    }

    /// All the faults that were found; the first is the detail.
    pub(crate) fn faulty(faults: Vec<FieldError>) -> Self {
        let first = faults.first().cloned().unwrap_or_else(|| FieldError::new("", "it cannot be taken"));
        Self { errors: faults, ..Self::invalid(first.pointer, first.detail) }
    }

    /// A fault of one field.
    pub(crate) fn at(code: Code, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let (pointer, detail) = (pointer.into(), detail.into());
        let field = if pointer.is_empty() { String::new() } else { format!("{pointer}: ") };
        let error = Self::new(code, format!("{field}{detail}"));
        Self { errors: vec![FieldError { pointer, detail }], ..error }
    }

    /// The service is at fault, and the caller can only report it.
    pub(crate) fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Code::Internal, "please report the request id").because(source)
    }

    fn because(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: Some(Arc::from(source.into())), ..self }
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// The problem document, once it is known which request it answers.
    pub(crate) fn document(&self, request_id: &str, path: &str) -> Response {
        let problem = Problem {
            r#type: format!("urn:ledger:problem:{}", self.code.name()),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            detail: &self.detail,
            instance: path,
            code: self.code,
            request_id,
            errors: &self.errors,
            members: &self.members,
        };
        let body = serde_json::to_string(&problem).expect("a problem is plain JSON");
        let mut response = (self.code.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.code.status() == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS.into());
        }
        if self.code.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.replayed {
            headers.insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }

    /// Whether something has failed, and the caller is not only told that there is no room.
    pub(crate) fn has_cause(&self) -> bool {
        self.source.is_some()
    }

    /// Everything that led to it, for the log.
    pub(crate) fn chain(&self) -> String {
        let mut chain = self.detail.clone();
        let mut source = self.source.as_deref().map(|source| source as &dyn Error);
        while let Some(error) = source {
            chain = format!("{chain}: {error}");
            source = error.source();
        }
        chain
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}
