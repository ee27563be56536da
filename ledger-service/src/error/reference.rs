//! What a route may refuse, for its page of the reference. The tests hold it against what they see.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use utoipa::{
    PartialSchema,
    openapi::{
        AllOfBuilder, ContentBuilder, HeaderBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder,
        schema::{Schema, Type},
    },
};

use super::Code;

/// Who are you, and may you, and a query that is not taken: every route with a credential.
pub(crate) const ACCESS: &[Code] = &[Code::Unauthenticated, Code::Forbidden, Code::Invalid, Code::TryAgain];
/// Every route that takes a body.
pub(crate) const BODY: &[Code] =
    &[Code::Malformed, Code::RequestTimeout, Code::TooLarge, Code::UnsupportedMediaType, Code::Invalid];
/// Every route that moves money: it has a key, it may be guarded by a version, and its account may be out of service.
pub(crate) const MONEY: &[Code] =
    &[Code::IdempotencyKeyMissing, Code::IdempotencyKeyReused, Code::StaleVersion, Code::AccountQuarantined];

/// Names the problems of a route: a list of codes beside the handler.
macro_rules! problems {
    ($name:ident: $($codes:expr),+) => {
        pub(crate) struct $name;
        impl utoipa::IntoResponses for $name {
            fn responses() -> std::collections::BTreeMap<
                String,
                utoipa::openapi::RefOr<utoipa::openapi::Response>,
            > {
                $crate::error::reference::responses(&[$($codes),+])
            }
        }
    };
}
pub(crate) use problems;

/// What a reader with `If-None-Match` may be told.
pub(crate) struct Unchanged;

impl utoipa::IntoResponses for Unchanged {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let unchanged = ResponseBuilder::new().description("It is still at the version in If-None-Match");
        BTreeMap::from([("304".to_owned(), unchanged.build().into())])
    }
}

problems!(Listing: ACCESS);
problems!(Making: ACCESS, BODY);
problems!(Naming: ACCESS, &[Code::NotFound]);
problems!(Rotating: ACCESS, BODY, &[Code::NotFound]);
problems!(Changing: ACCESS, BODY, &[Code::NotFound, Code::StaleVersion]);

/// A response for each status, whose schema names the codes that come with it.
pub(crate) fn responses(lists: &[&[Code]]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<StatusCode, Vec<Code>> = BTreeMap::new();
    for code in lists.iter().copied().flatten() {
        let codes = by_status.entry(code.status()).or_default();
        if !codes.contains(code) {
            codes.push(*code);
        }
    }
    by_status
        .into_iter()
        .map(|(status, codes)| (status.as_str().to_owned(), response(status, &codes).into()))
        .collect()
}

fn response(status: StatusCode, codes: &[Code]) -> Response {
    let titles: Vec<String> =
        codes.iter().map(|code| format!("`{}`: {}", code.name(), code.title())).collect();
    let names = codes.iter().map(|code| code.name());
    let code = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).build();
    let these = ObjectBuilder::new().schema_type(Type::Object).property("code", code).required("code");
    let schema = AllOfBuilder::new().item(Ref::from_schema_name("Problem")).item(these).build();
    let content = ContentBuilder::new().schema(Some(RefOr::T(Schema::from(schema)))).build();
    let response =
        ResponseBuilder::new().description(titles.join("; ")).content("application/problem+json", content);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let header = HeaderBuilder::new().schema(u32::schema()).description(Some("Seconds to wait")).build();
        return response.header("Retry-After", header).build();
    }
    response.build()
}
