//! The headers that make a write safe to repeat: the key that it acts once under, and the version that it builds on.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use ledger_core::{Call, Caller, IdempotencyKey};
use utoipa::IntoParams;

use crate::error::{ApiError, Code};

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// `Idempotency-Key`, and `If-Match` if it was sent.
pub(crate) struct Keyed {
    key: IdempotencyKey,
    if_match: IfMatch,
}

/// The version in `If-Match`; `None` when none is asked for.
#[derive(Clone, Copy)]
pub(crate) struct IfMatch(pub(crate) Option<u64>);

/// The headers of [`Keyed`], for the reference.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct KeyedParams {
    /// The caller's own name for this command, quoted or bare. The same key never acts twice.
    #[param(
        rename = "Idempotency-Key",
        min_length = 1,
        max_length = 255,
        example = "order-4711",
        pattern = r##"^([!#-~]([ -~]*[!-~])?|"([ !#-\[\]-~]|\\["\\])+")$"##
    )]
    key: String,
    /// Act only if the account is still at this version.
    #[param(
        rename = "If-Match",
        nullable = false,
        example = "\"7\"",
        pattern = r#"^([0-9]{1,18}|"[0-9]{1,18}"|\*)$"#
    )]
    if_match: Option<String>,
}

/// The header of [`IfMatch`], for the reference.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct IfMatchParams {
    /// Act only if it is still at this version.
    #[param(
        rename = "If-Match",
        nullable = false,
        example = "\"7\"",
        pattern = r#"^([0-9]{1,18}|"[0-9]{1,18}"|\*)$"#
    )]
    if_match: Option<String>,
}

impl Keyed {
    /// The call of this caller under the key.
    pub(crate) fn call<'a>(&self, caller: &'a Caller) -> Call<'a> {
        let call = caller.call(self.key.clone());
        match self.if_match {
            IfMatch(Some(version)) => call.if_version(version),
            IfMatch(None) => call,
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Keyed {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let text = single(&parts.headers, IDEMPOTENCY_KEY)?.ok_or_else(|| {
            ApiError::new(Code::IdempotencyKeyMissing, "what moves money needs the header Idempotency-Key")
        })?;
        let key = unquoted(text).and_then(|text| text.parse().ok()).ok_or_else(|| {
            ApiError::new(Code::Malformed, "Idempotency-Key is 1 to 255 printable characters, quoted or bare")
        })?;
        Ok(Self { key, if_match: IfMatch::from_request_parts(parts, state).await? })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match single(&parts.headers, header::IF_MATCH.as_str())? {
            None | Some("*") => Ok(Self(None)),
            Some(text) => {
                let version = unquoted(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
                // Not beyond what PostgreSQL counts to: no version is ever there.
                let version =
                    version.and_then(|text| text.parse::<i64>().ok()).and_then(|n| u64::try_from(n).ok());
                version.map(|version| Self(Some(version))).ok_or_else(|| {
                    ApiError::new(Code::Malformed, "If-Match is a version, such as \"7\", or *")
                })
            }
        }
    }
}

/// The one value of a header. Two of them would leave open which one counts.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, ApiError> {
    let mut values = headers.get_all(name).iter();
    let (first, second) = (values.next(), values.next());
    let text = first.map(|value| value.to_str()).transpose();
    match (text, second) {
        (Ok(text), None) => Ok(text),
        _ => Err(ApiError::new(Code::Malformed, format!("{name} is one line of printable ASCII"))),
    }
}

/// The text in a string of RFC 8941, or as it stands.
fn unquoted(text: &str) -> Option<String> {
    let Some(rest) = text.strip_prefix('"') else {
        return Some(text.to_owned());
    };
    let inner = rest.strip_suffix('"')?;
    let mut unquoted = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(char) = chars.next() {
        match char {
            '"' => return None,
            '\\' => unquoted.push(chars.next().filter(|char| matches!(char, '"' | '\\'))?),
            plain => unquoted.push(plain),
        }
    }
    Some(unquoted)
}

#[cfg(test)]
mod tests {
    use super::unquoted;

    #[test]
    fn a_key_may_be_quoted_or_bare() {
        for (text, key) in [
            ("k", Some("k")),
            ("\"k\"", Some("k")),
            (r#""a\"b\\c""#, Some(r#"a"b\c"#)),
            ("\"", None),
            ("\"k", None),
            (r#""a"b""#, None),
            (r#""a\n""#, None),
        ] {
            assert_eq!(unquoted(text).as_deref(), key, "{text}");
        }
    }
}
