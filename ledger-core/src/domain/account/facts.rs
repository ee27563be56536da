//! What a decision needs to know of closed business: fetched before deciding, never during.

use std::collections::BTreeMap;

use super::{Event, Shape};
use crate::domain::{
    chart::Provider,
    ids::EntryId,
    limits::Label,
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
    /// An entry of which nothing has been given back yet.
    pub(super) fn new(kind: OriginalKind, amount: Amount) -> Self {
        Self { kind, amount, returned: Money::ZERO }
    }

    /// What can still be given back; `None` when nothing is left.
    #[must_use]
    pub fn left(&self) -> Option<Amount> {
        self.amount.money().checked_sub(self.returned).and_then(|left| Amount::new(left).ok())
    }

    /// What is asked for, or all that is left; `None` when that is more than is left, or nothing is.
    pub(super) fn returnable(&self, asked: Option<Amount>) -> Option<Amount> {
        let left = self.left()?;
        Some(asked.unwrap_or(left)).filter(|amount| *amount <= left)
    }
}

/// Something that must be known of closed business before a command can be decided.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Question {
    /// What this entry moved, and what has been given back of it.
    Original(EntryId),
    /// Where this payment is booked, if it is.
    Payment(Provider, Label),
}

/// The facts for the commands of one batch on one account, by the sequence of the original entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    originals: BTreeMap<u64, Original>,
    /// Where a payment is booked, by provider and its reference there.
    payments: BTreeMap<(Provider, Label), u64>,
}

impl Facts {
    /// The original at that place of the stream, if there is one.
    #[must_use]
    pub fn original(&self, sequence: u64) -> Option<Original> {
        self.originals.get(&sequence).copied()
    }

    /// The place of the stream where this payment was booked, if it was.
    #[must_use]
    pub fn payment(&self, provider: Provider, reference: &Label) -> Option<u64> {
        self.payments.get(&(provider, reference.clone())).copied()
    }

    /// Takes in an event that stands at `sequence`: read from the journal, or decided earlier in the same batch.
    ///
    /// Events must come in the order of the stream. Those that no later decision asks about are passed over.
    pub fn learn(&mut self, sequence: u64, event: &Event) {
        let Shape { original, payment, refers_to, amount, .. } = event.shape();
        if let Some((provider, reference)) = payment {
            self.payments.entry((provider, reference.clone())).or_insert(sequence);
        }
        if let Some(original) = original {
            self.originals.insert(sequence, original);
        }
        if let Some(original) = refers_to.and_then(|entry| self.originals.get_mut(&entry.sequence())) {
            // Only a damaged journal gives back more than money can count. Nothing is left of such an entry.
            let returned = original.returned.checked_add(amount);
            original.returned = returned.unwrap_or(original.amount.money());
        }
    }
}
