//! What a decision needs to know of closed business: fetched before deciding, never during.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{Command, Event, Rejection};
use crate::money::{Amount, Money};

/// A charge that somebody wants to refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChargeFact {
    /// What was charged.
    pub charged: Amount,
    /// What all refunds so far gave back.
    pub refunded: Money,
}

/// The facts for the commands of one batch on one account, by the sequence of the charge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    charges: BTreeMap<u64, ChargeFact>,
}

impl Facts {
    /// The charge at that place of the stream, if there is one.
    #[must_use]
    pub fn charge(&self, sequence: u64) -> Option<ChargeFact> {
        self.charges.get(&sequence).copied()
    }

    /// Takes in an event that stands at `sequence`: read from the journal, or decided earlier in the same batch.
    ///
    /// Events must come in the order of the stream. Those that no later decision asks about are passed over.
    pub fn learn(&mut self, sequence: u64, event: &Event) {
        match event {
            Event::Charged(charged) => {
                self.charges.insert(sequence, ChargeFact { charged: charged.amount, refunded: Money::ZERO });
            }
            Event::Refunded(refunded) => {
                if let Some(fact) = self.charges.get_mut(&refunded.charge.sequence()) {
                    let total = fact.refunded.checked_add(refunded.amount.money());
                    fact.refunded = total.expect("refunds never exceed their charge");
                }
            }
            Event::Opened(_) | Event::ToppedUp(_) => {}
        }
    }
}

/// Where the stock framework's `handle` gets its facts; the lanes read theirs for a whole batch at once.
#[async_trait]
pub trait FetchFacts: Send + Sync {
    /// The facts that this command needs.
    async fn fetch(&self, command: &Command) -> Result<Facts, Rejection>;
}

/// Facts that are known beforehand, for tests and simulations.
#[async_trait]
impl FetchFacts for Facts {
    async fn fetch(&self, _: &Command) -> Result<Facts, Rejection> {
        Ok(self.clone())
    }
}
