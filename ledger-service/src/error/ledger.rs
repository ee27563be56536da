//! The one place that reads what the ledger and the store say, and finds the code for it. Without a `_` arm.

use ledger_core::{LedgerError, LimitError, Money, Rejection};

use super::{ApiError, Code};
use crate::store::StoreError;

impl From<LedgerError> for ApiError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Rejected { rejection, replayed } => Self { replayed, ..rejection.into() },
            LedgerError::NotFound => Self::not_found(),
            LedgerError::KeyReused { entry } => {
                let problem = Self::new(Code::IdempotencyKeyReused, error.to_string());
                entry.into_iter().fold(problem, |problem, entry| problem.with("entry_id", entry.to_string()))
            }
            LedgerError::Invalid(limit) => limit.into(),
            LedgerError::Stale => Self::new(Code::StaleVersion, error.to_string()),
            LedgerError::Busy => Self::new(Code::TryAgain, error.to_string()),
            LedgerError::Quarantined => Self::new(Code::AccountQuarantined, error.to_string()),
            LedgerError::Unavailable(source) => {
                let problem = Self::new(Code::TryAgain, LedgerError::Unavailable(None).to_string());
                source.into_iter().fold(problem, |problem, source| problem.because(source))
            }
            LedgerError::Unsafe(_) | LedgerError::Inadmissible(_) => Self::internal(error),
        }
    }
}

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> Self {
        let detail = rejection.to_string();
        match rejection {
            // An absent entry of one's own account must answer as somebody else's does.
            Rejection::NotOpen | Rejection::ChargeNotFound | Rejection::TopUpNotFound => Self::not_found(),
            Rejection::AlreadyOpen => Self::new(Code::AccountExists, detail),
            Rejection::NoAccountInCurrency { .. } => Self::at(Code::NoAccountInCurrency, "/currency", detail),
            Rejection::TooPrecise { field, .. } => Self::at(Code::TooPrecise, format!("/{field}"), detail),
            Rejection::InvalidTime { field } => Self::invalid(format!("/{field}"), detail),
            Rejection::EffectiveInFuture { .. } => Self::at(Code::EffectiveInFuture, "/effective_at", detail),
            Rejection::PaymentAlreadyBooked { entry } => {
                Self::new(Code::PaymentAlreadyBooked, detail).with("entry_id", entry.to_string())
            }
            Rejection::RefundExceedsCharge { charged, refunded, .. } => {
                Self::new(Code::RefundExceedsCharge, detail)
                    .with("charged", charged.to_string())
                    .with("refunded", refunded.to_string())
            }
            Rejection::RefundExceedsTopUp { topped_up, returned, .. } => {
                Self::new(Code::RefundExceedsTopUp, detail)
                    .with("topped_up", topped_up.to_string())
                    .with("returned", returned.to_string())
            }
            Rejection::InsufficientFunds { available, amount } => {
                insufficient(detail, available, amount.money())
            }
            Rejection::OutOfRange => Self::new(Code::OutOfRange, detail),
        }
    }
}

fn insufficient(detail: String, available: Money, amount: Money) -> ApiError {
    ApiError::new(Code::InsufficientFunds, detail)
        .with("available", available.to_string())
        .with("amount", amount.to_string())
}

impl From<LimitError> for ApiError {
    fn from(LimitError { field, rule }: LimitError) -> Self {
        let pointer = format!("/{}", field.replace('.', "/"));
        Self::invalid(pointer, format!("this is {rule}"))
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::not_found(),
            StoreError::Stale => Self::new(Code::StaleVersion, "it has changed since that version"),
            StoreError::EmailTaken => {
                Self::at(Code::EmailTaken, "/email", "somebody has this address already")
            }
            StoreError::SlugTaken => Self::at(Code::SlugTaken, "/slug", "another tenant has this slug"),
            StoreError::Suspended => Self::suspended(),
            StoreError::OwnerIsMember => Self::at(
                Code::OwnerIsMember,
                "/owner/user_id",
                "the tenant pays for its members, so nobody would ever charge this account: open the tenant's",
            ),
            StoreError::LastAdmin => Self::new(Code::LastAdmin, "make another admin first"),
            StoreError::OwnerNotFound(pointer) => {
                Self::at(Code::OwnerNotFound, pointer, "there is nobody with this id")
            }
            StoreError::Unavailable(error) => error.into(),
        }
    }
}
