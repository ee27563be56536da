//! What a decision needs to know of closed business: fetched before deciding, never during.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{Command, Event, Rejection};
use crate::domain::{
    chart::Provider,
    money::{Amount, Money},
};

/// An entry that somebody wants to give back: how much it was, and how much of it has been given back so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Original {
    /// What kind of entry it is.
    pub kind: OriginalKind,
    /// What was charged, or topped up.
    pub amount: Amount,
    /// What all refunds and chargebacks of it together have given back.
    pub returned: Money,
}

/// The kinds of entries that can be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginalKind {
    /// Money that the customer paid us for usage.
    Charge,
    /// Money that came in through this provider.
    TopUp(Provider),
}

impl Original {
    /// What can still be given back; `None` when nothing is left.
    #[must_use]
    pub fn left(&self) -> Option<Amount> {
        self.amount.money().checked_sub(self.returned).and_then(|left| Amount::new(left).ok())
    }
}

/// The facts for the commands of one batch on one account, by the sequence of the original entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    originals: BTreeMap<u64, Original>,
}

impl Facts {
    /// The original at that place of the stream, if there is one.
    #[must_use]
    pub fn original(&self, sequence: u64) -> Option<Original> {
        self.originals.get(&sequence).copied()
    }

    /// Takes in an event that stands at `sequence`: read from the journal, or decided earlier in the same batch.
    ///
    /// Events must come in the order of the stream. Those that no later decision asks about are passed over.
    pub fn learn(&mut self, sequence: u64, event: &Event) {
        let original = |kind, amount| Original { kind, amount, returned: Money::ZERO };
        match event {
            Event::Opened(_) => {}
            Event::ToppedUp(topped_up) => {
                let kind = OriginalKind::TopUp(topped_up.provider);
                self.originals.insert(sequence, original(kind, topped_up.amount));
            }
            Event::Charged(charged) => {
                self.originals.insert(sequence, original(OriginalKind::Charge, charged.amount));
            }
            Event::Refunded(_) | Event::TopUpRefunded(_) | Event::ChargedBack(_) => {
                let original = event.refers_to().and_then(|entry| self.originals.get_mut(&entry.sequence()));
                if let Some(original) = original {
                    let returned = original.returned.checked_add(event.amount());
                    original.returned = returned.expect("what is given back never exceeds the original");
                }
            }
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
