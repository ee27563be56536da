//! Why a command was refused. A refusal is for callers; a bug is an assertion; the two never mix.

use serde::{Deserialize, Serialize};

use crate::domain::{
    entry::Timestamp,
    ids::EntryId,
    money::{Amount, Currency, Money},
};

/// A refusal by the rules of the ledger. In the order in which they are found: the first that holds is the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Rejection {
    /// There is no such account. Callers see it as *not found*.
    #[error("the account is not open")]
    NotOpen,
    /// The owner has this account already.
    #[error("the account is open already")]
    AlreadyOpen,
    /// The amount is in another currency than the account.
    #[error("the account counts in {currency}, not in {asked}")]
    NoAccountInCurrency {
        /// The currency of the command.
        asked: Currency,
        /// The currency of the account.
        currency: Currency,
    },
    /// A payment is finer than the smallest coin of its currency.
    #[error("{field} is finer than {currency} can be paid, which has {digits} digits behind the point")]
    TooPrecise {
        /// Which amount: `amount` or `fee`.
        field: String,
        /// The currency.
        currency: Currency,
        /// The digits that its smallest coin has.
        digits: u32,
    },
    /// A time that the ledger does not keep.
    #[error("{field} lies before 1970, or is a leap second")]
    InvalidTime {
        /// Which one: `effective_at`, or `at`, when the command is decided.
        field: String,
    },
    /// Usage cannot lie in the future.
    #[error("effective_at {effective_at} is later than now, {at}")]
    EffectiveInFuture {
        /// Database time of the decision.
        at: Timestamp,
        /// What was asked for.
        effective_at: Timestamp,
    },
    /// A payment credits once, whatever key it comes under.
    #[error("this payment is booked already, by entry {entry}")]
    PaymentAlreadyBooked {
        /// The entry that booked it.
        entry: EntryId,
    },
    /// The entry to refund is not a charge of this account.
    #[error("the account has no such charge")]
    ChargeNotFound,
    /// All refunds of a charge together may not exceed it.
    #[error("{refunded} of the charge of {charged} has been refunded already")]
    RefundExceedsCharge {
        /// The charge.
        charged: Amount,
        /// What earlier refunds gave back.
        refunded: Money,
        /// What was asked for; all that is left if absent.
        amount: Option<Amount>,
    },
    /// The entry to give back is not a top-up of this account.
    #[error("the account has no such top-up")]
    TopUpNotFound,
    /// All refunds and chargebacks of a top-up together may not exceed it.
    #[error("{returned} of the top-up of {topped_up} has been given back already")]
    RefundExceedsTopUp {
        /// The top-up.
        topped_up: Amount,
        /// What earlier refunds and chargebacks gave back.
        returned: Money,
        /// What was asked for; all that is left if absent.
        amount: Option<Amount>,
    },
    /// The account would go below its floor.
    #[error("{available} is available, {amount} is needed")]
    InsufficientFunds {
        /// Balance − held + credit limit.
        available: Money,
        /// The price.
        amount: Amount,
    },
    /// A sum would leave the range of money, or a limit is negative.
    #[error("a sum is out of range")]
    OutOfRange,
}

impl Rejection {
    /// The stable name that programs match on.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotOpen => "account_not_found",
            Self::AlreadyOpen => "account_exists",
            Self::NoAccountInCurrency { .. } => "no_account_in_currency",
            Self::TooPrecise { .. } => "too_precise",
            Self::InvalidTime { .. } => "invalid",
            Self::EffectiveInFuture { .. } => "effective_in_future",
            Self::PaymentAlreadyBooked { .. } => "payment_already_booked",
            Self::ChargeNotFound => "charge_not_found",
            Self::RefundExceedsCharge { .. } => "refund_exceeds_charge",
            Self::TopUpNotFound => "top_up_not_found",
            Self::RefundExceedsTopUp { .. } => "refund_exceeds_top_up",
            Self::InsufficientFunds { .. } => "insufficient_funds",
            Self::OutOfRange => "out_of_range",
        }
    }

    /// Whether it becomes the key's outcome. What is malformed or not found leaves the key unused.
    #[must_use]
    pub fn is_outcome(&self) -> bool {
        match self {
            Self::AlreadyOpen
            | Self::PaymentAlreadyBooked { .. }
            | Self::RefundExceedsCharge { .. }
            | Self::RefundExceedsTopUp { .. }
            | Self::InsufficientFunds { .. } => true,
            Self::NotOpen
            | Self::NoAccountInCurrency { .. }
            | Self::TooPrecise { .. }
            | Self::InvalidTime { .. }
            | Self::EffectiveInFuture { .. }
            | Self::ChargeNotFound
            | Self::TopUpNotFound
            | Self::OutOfRange => false,
        }
    }
}
