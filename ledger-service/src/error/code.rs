//! The codes: one code, one status, one meaning, for ever.

use axum::http::StatusCode;
use serde::Serialize;

/// The stable name of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Code {
    Malformed,
    IdempotencyKeyMissing,
    Unauthenticated,
    InsufficientFunds,
    Forbidden,
    TenantSuspended,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    AccountExists,
    EmailTaken,
    SlugTaken,
    RefundExceedsCharge,
    RefundExceedsTopUp,
    StaleVersion,
    TooLarge,
    UnsupportedMediaType,
    Invalid,
    IdempotencyKeyReused,
    NoAccountInCurrency,
    EffectiveInFuture,
    OutOfRange,
    OwnerNotFound,
    Internal,
    TryAgain,
    AccountQuarantined,
}

impl Code {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Malformed | Self::IdempotencyKeyMissing => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::InsufficientFunds => StatusCode::PAYMENT_REQUIRED,
            Self::Forbidden | Self::TenantSuspended => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::AccountExists
            | Self::EmailTaken
            | Self::SlugTaken
            | Self::RefundExceedsCharge
            | Self::RefundExceedsTopUp => StatusCode::CONFLICT,
            Self::StaleVersion => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Invalid
            | Self::IdempotencyKeyReused
            | Self::NoAccountInCurrency
            | Self::EffectiveInFuture
            | Self::OutOfRange
            | Self::OwnerNotFound => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::TryAgain | Self::AccountQuarantined => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::IdempotencyKeyMissing => "idempotency_key_missing",
            Self::Unauthenticated => "unauthenticated",
            Self::InsufficientFunds => "insufficient_funds",
            Self::Forbidden => "forbidden",
            Self::TenantSuspended => "tenant_suspended",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::RequestTimeout => "request_timeout",
            Self::AccountExists => "account_exists",
            Self::EmailTaken => "email_taken",
            Self::SlugTaken => "slug_taken",
            Self::RefundExceedsCharge => "refund_exceeds_charge",
            Self::RefundExceedsTopUp => "refund_exceeds_top_up",
            Self::StaleVersion => "stale_version",
            Self::TooLarge => "too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::Invalid => "invalid",
            Self::IdempotencyKeyReused => "idempotency_key_reused",
            Self::NoAccountInCurrency => "no_account_in_currency",
            Self::EffectiveInFuture => "effective_in_future",
            Self::OutOfRange => "out_of_range",
            Self::OwnerNotFound => "owner_not_found",
            Self::Internal => "internal",
            Self::TryAgain => "try_again",
            Self::AccountQuarantined => "account_quarantined",
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Malformed => "The request cannot be read",
            Self::IdempotencyKeyMissing => "The header Idempotency-Key is missing",
            Self::Unauthenticated => "No valid credential",
            Self::InsufficientFunds => "Not enough money",
            Self::Forbidden => "This credential may not do that",
            Self::TenantSuspended => "The tenant is suspended",
            Self::NotFound => "Not found",
            Self::MethodNotAllowed => "The path does not know this method",
            Self::RequestTimeout => "The body did not come in time",
            Self::AccountExists => "The owner has this account already",
            Self::EmailTaken => "The e-mail address is in use",
            Self::SlugTaken => "The slug is in use",
            Self::RefundExceedsCharge => "More than is left of the charge",
            Self::RefundExceedsTopUp => "More than is left of the top-up",
            Self::StaleVersion => "It has changed since that version",
            Self::TooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The body is not application/json",
            Self::Invalid => "A value is not valid",
            Self::IdempotencyKeyReused => "The key has stood for another request",
            Self::NoAccountInCurrency => "No account in that currency",
            Self::EffectiveInFuture => "Usage cannot lie in the future",
            Self::OutOfRange => "A sum would leave the range of money",
            Self::OwnerNotFound => "There is no such owner",
            Self::Internal => "A fault of the service",
            Self::TryAgain => "Try again, with the same key",
            Self::AccountQuarantined => "The account is out of service",
        }
    }
}
