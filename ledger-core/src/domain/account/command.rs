//! What can be asked of an account.

use serde::{Deserialize, Serialize};

use super::{Charge, ChargeBack, Open, Refund, RefundTopUp, TopUp};
use crate::domain::{entry::Timestamp, ids::EntryId};

/// A command and the time at which it is decided: time arrives as an argument, so that a decision can be replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Database time.
    pub at: Timestamp,
    /// What to do.
    pub command: Command,
}

/// Everything that an account can be asked to do. Its JSON is what the hash of a request covers.
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
