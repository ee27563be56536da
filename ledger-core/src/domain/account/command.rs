//! What can be asked of an account.

use serde::{Deserialize, Serialize};

use super::{Charge, ChargeBack, Open, Question, Refund, RefundTopUp, TopUp};
use crate::domain::{entry::Timestamp, ids::EntryId, request::Form};

/// A command and the time at which it is decided: time arrives as an argument, so that a decision can be replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Database time.
    pub at: Timestamp,
    /// What to do.
    pub command: Command,
}

/// Everything that an account can be asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Open the account.
    Open(Open),
    /// Money comes in.
    TopUp(TopUp),
    /// The customer pays for what was used.
    Charge(Charge),
    /// A charge is given back, wholly or in part.
    Refund(Refund),
    /// A top-up is paid out again, wholly or in part.
    RefundTopUp(RefundTopUp),
    /// The customer's bank takes a top-up back, whether the money is still there or not.
    ChargeBack(ChargeBack),
}

impl Command {
    /// What a retry under the same key must ask for too. Who asks is no part of it, nor is any text that can be erased.
    pub(crate) fn form(&self) -> Form {
        match self {
            Self::Open(open) => open.form(),
            Self::TopUp(top_up) => top_up.form(),
            Self::Charge(charge) => charge.form(),
            Self::Refund(refund) => refund.form(),
            Self::RefundTopUp(refund) => refund.form(),
            Self::ChargeBack(charge_back) => charge_back.form(),
        }
    }

    /// What deciding this needs to know of closed business.
    pub(crate) fn asks(&self) -> Option<Question> {
        match self {
            Self::TopUp(top_up) => Some(Question::Payment(top_up.provider, top_up.reference.clone())),
            Self::Open(_)
            | Self::Charge(_)
            | Self::Refund(_)
            | Self::RefundTopUp(_)
            | Self::ChargeBack(_) => self.refers_to().map(Question::Original),
        }
    }

    /// The entry that deciding this needs to know about.
    #[must_use]
    pub fn refers_to(&self) -> Option<EntryId> {
        match self {
            Self::Refund(refund) => Some(refund.charge),
            Self::RefundTopUp(refund) => Some(refund.top_up),
            Self::ChargeBack(charge_back) => Some(charge_back.top_up),
            Self::Open(_) | Self::TopUp(_) | Self::Charge(_) => None,
        }
    }
}
