//! What a request brings, read and checked before a handler sees it. Every fault becomes a problem that names its place.

mod body;
mod guard;
mod json;
mod params;
mod slot;

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use ledger_core::Label;
use serde::{Deserialize, de::DeserializeOwned};
use utoipa::ToSchema;

pub(crate) use self::{
    body::Body,
    guard::{IfMatch, IfMatchParams, Keyed, KeyedParams},
    params::{KnownParams, Params},
    slot::Slot,
};
use crate::{error::ApiError, wire::LabelText};

/// Thirty days.
const GRACE_SECONDS_MAX: u32 = 30 * 24 * 60 * 60;

/// The id in the path. One that cannot be an id names nothing.
pub(crate) struct Named<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(id) = Path::from_request_parts(parts, state).await.map_err(|_| ApiError::not_found())?;
        Ok(Self(id))
    }
}

/// A name for something to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GatewayRequest)]
pub(crate) struct NameRequest {
    #[schema(value_type = LabelText)]
    pub(crate) name: Label,
}

/// How a key is rotated.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotationRequest {
    /// For how many seconds the key before is taken, too; not at all if absent.
    #[serde(default)]
    #[schema(value_type = Option<u32>, nullable = false, maximum = 2_592_000)]
    pub(crate) grace_seconds: Grace,
}

/// Seconds for which the key before a rotation is taken, too.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(try_from = "u32")]
pub(crate) struct Grace(pub(crate) u32);

impl TryFrom<u32> for Grace {
    type Error = String;
    fn try_from(seconds: u32) -> Result<Self, String> {
        if seconds <= GRACE_SECONDS_MAX {
            Ok(Self(seconds))
        } else {
            Err(format!("this is at most {GRACE_SECONDS_MAX}"))
        }
    }
}

/// The id of this request: the caller's own or a new one. It stands in the log and on the event.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) Label);

impl<S: Send + Sync> FromRequestParts<S> for RequestId {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get().cloned().ok_or_else(|| ApiError::internal("a request without an id"))
    }
}
