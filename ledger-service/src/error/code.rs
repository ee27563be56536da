//! The codes: one code, one status, one meaning, for ever. `docs/errors.md` has a row for each.

use axum::http::StatusCode;
use serde::{Serialize, Serializer};

macro_rules! codes {
    ($($code:ident = $status:ident, $name:literal, $title:literal;)+) => {
        /// The stable name of a problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Code {
            $($code,)+
        }

        impl Code {
            pub(crate) fn status(self) -> StatusCode {
                match self {
                    $(Self::$code => StatusCode::$status,)+
                }
            }

            /// What programs match on.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)+
                }
            }

            pub(crate) fn title(self) -> &'static str {
                match self {
                    $(Self::$code => $title,)+
                }
            }
        }
    };
}

codes! {
    Malformed = BAD_REQUEST, "malformed", "The request cannot be read";
    IdempotencyKeyMissing = BAD_REQUEST, "idempotency_key_missing", "The header Idempotency-Key is missing";
    Unauthenticated = UNAUTHORIZED, "unauthenticated", "No valid credential";
    InsufficientFunds = PAYMENT_REQUIRED, "insufficient_funds", "Not enough money";
    Forbidden = FORBIDDEN, "forbidden", "This credential may not do that";
    TenantSuspended = FORBIDDEN, "tenant_suspended", "The tenant is suspended or deleted: nothing new may begin";
    NotFound = NOT_FOUND, "not_found", "Not found";
    MethodNotAllowed = METHOD_NOT_ALLOWED, "method_not_allowed", "The path does not know this method";
    RequestTimeout = REQUEST_TIMEOUT, "request_timeout", "The body did not come in time";
    AccountExists = CONFLICT, "account_exists", "The owner has this account already";
    EmailTaken = CONFLICT, "email_taken", "The e-mail address is in use";
    SlugTaken = CONFLICT, "slug_taken", "The slug is in use";
    LastAdmin = CONFLICT, "last_admin", "Nobody could administer the service any more";
    PaymentAlreadyBooked = CONFLICT, "payment_already_booked", "This payment is booked already";
    RefundExceedsCharge = CONFLICT, "refund_exceeds_charge", "More than is left of the charge";
    RefundExceedsTopUp = CONFLICT, "refund_exceeds_top_up", "More than is left of the top-up";
    StaleVersion = PRECONDITION_FAILED, "stale_version", "It has changed since that version";
    TooLarge = PAYLOAD_TOO_LARGE, "too_large", "The body is too large";
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "The body is not application/json";
    Invalid = UNPROCESSABLE_ENTITY, "invalid", "A value is not valid";
    IdempotencyKeyReused = UNPROCESSABLE_ENTITY, "idempotency_key_reused", "The key has stood for another request";
    NoAccountInCurrency = UNPROCESSABLE_ENTITY, "no_account_in_currency", "No account in that currency";
    TooPrecise = UNPROCESSABLE_ENTITY, "too_precise", "Finer than the smallest coin of the currency";
    EffectiveInFuture = UNPROCESSABLE_ENTITY, "effective_in_future", "Usage cannot lie in the future";
    OutOfRange = UNPROCESSABLE_ENTITY, "out_of_range", "A sum would leave the range of money";
    OwnerNotFound = UNPROCESSABLE_ENTITY, "owner_not_found", "There is no such owner";
    OwnerIsMember = UNPROCESSABLE_ENTITY, "owner_is_member", "The tenant pays for its members";
    Internal = INTERNAL_SERVER_ERROR, "internal", "A fault of the service";
    TryAgain = SERVICE_UNAVAILABLE, "try_again", "Try again, with the same key";
    AccountQuarantined = SERVICE_UNAVAILABLE, "account_quarantined", "The account is out of service";
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
