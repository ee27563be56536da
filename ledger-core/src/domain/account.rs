//! The account: one aggregate, one stream, one owner, one currency. Decisions are pure: no I/O, no clock, no randomness.

mod admission;
mod charge;
mod charge_back;
mod command;
mod event;
mod facts;
mod open;
mod refund;
mod refund_top_up;
mod rejection;
mod top_up;

use serde::{Deserialize, Serialize};

use self::event::Shape;
pub(crate) use self::facts::Question;
pub use self::{
    admission::Inadmissible,
    charge::{Charge, Charged},
    charge_back::{ChargeBack, ChargedBack},
    command::{Command, Instruction},
    event::Event,
    facts::{Facts, Original, OriginalKind},
    open::{Open, Opened},
    refund::{Refund, Refunded},
    refund_top_up::{RefundTopUp, TopUpRefunded},
    rejection::Rejection,
    top_up::{TopUp, ToppedUp},
};
use crate::domain::{
    chart::Provider,
    entry::{Balances, Entry, Movement, Timestamp, is_kept, microseconds},
    ids::{AccountId, EntryId, Owner},
    money::{Amount, Currency},
};

/// An account as its events have left it. `Default` is an account that nobody has opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Who owns it and in what currency; `None` until it is opened.
    pub holder: Option<Holder>,
    /// Its sums.
    pub balances: Balances,
    /// How many events it has had: the sequence of the last one.
    pub version: u64,
    /// When the last one was decided.
    pub at: Option<Timestamp>,
    /// When it was last charged, in database time.
    pub last_charged_at: Option<Timestamp>,
}

/// What opening an account settles for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The owner; its id is the account's realm.
    pub owner: Owner,
    /// The currency of every amount in the stream.
    pub currency: Currency,
}

/// An event does not follow from the account it is applied to. Never a caller's fault: the journal is damaged, or we are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {sequence} does not fold: {reason}")]
pub struct FoldError {
    /// The event's place in the stream.
    pub sequence: u64,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Account {
    /// Its id, once it is open.
    #[must_use]
    pub fn id(&self) -> Option<AccountId> {
        self.holder.map(|holder| AccountId::of(holder.owner, holder.currency))
    }

    /// What the instruction does to this account: its events, the last of which answers it, or why not.
    ///
    /// # Errors
    /// The first [`Rejection`] in the order of that enum. Nothing has happened then.
    pub fn decide(
        &self,
        Instruction { at, command }: &Instruction,
        facts: &Facts,
    ) -> Result<Vec<Event>, Rejection> {
        if !is_kept(*at) {
            return Err(Rejection::InvalidTime { field: "at".into() });
        }
        // Database time may step back by a hair between two connections; a stream's time never does.
        let at = self.at.map_or(microseconds(*at), |last| last.max(microseconds(*at)));
        let event = match command {
            Command::Open(open) => open.decide(self, at)?,
            Command::TopUp(top_up) => top_up.decide(self, at, facts)?,
            Command::Charge(charge) => charge.decide(self, at)?,
            Command::Refund(refund) => refund.decide(self, at, facts)?,
            Command::RefundTopUp(refund) => refund.decide(self, at, facts)?,
            Command::ChargeBack(charge_back) => charge_back.decide(self, at, facts)?,
        };
        Ok(vec![event])
    }

    /// Takes an event into the state, proving on the way that it follows from it.
    ///
    /// # Errors
    /// [`FoldError`] when it does not; the account is unchanged then.
    pub fn fold(&mut self, event: &Event) -> Result<(), FoldError> {
        let sequence = self.version + 1;
        let wrong = |reason| Err(FoldError { sequence, reason });
        let shape = event.shape();
        let Entry { at, effective_at, after, .. } = *shape.entry;
        let mut next = Self { balances: after, version: sequence, at: Some(at), ..self.clone() };
        let mut before = self.balances;
        match event {
            Event::Opened(_) if self.holder.is_some() => return wrong("the account is opened twice"),
            // Opening moves nothing; it sets the limit.
            Event::Opened(Opened { owner, currency, .. }) => {
                next.holder = Some(Holder { owner: *owner, currency: *currency });
                before.credit_limit = after.credit_limit;
            }
            _ if self.holder.is_none() => return wrong("the account is not open"),
            Event::Charged(_) => next.last_charged_at = Some(at),
            Event::ToppedUp(_) | Event::Refunded(_) | Event::TopUpRefunded(_) | Event::ChargedBack(_) => {}
        }
        if !is_kept(at) || !is_kept(effective_at) {
            return wrong("it has a time before 1970, or a leap second");
        }
        if self.at.is_some_and(|last| at < last) {
            return wrong("its time is before that of the event before it");
        }
        if before.after(&shape.entry.movements, shape.forced) != Some(after) {
            return wrong("the balances after it are not those before it plus its movements");
        }
        if !after.above_floor() {
            return wrong("it leaves the account below its floor");
        }
        if shape.moved() != Some(shape.amount) {
            return wrong("its movements do not add up to its amount");
        }
        *self = next;
        Ok(())
    }

    /// How much of a top-up goes back where it came from, and where that is.
    fn returned_top_up(
        &self,
        top_up: EntryId,
        asked: Option<Amount>,
        facts: &Facts,
    ) -> Result<(Amount, Provider), Rejection> {
        if let Some(amount) = asked {
            self.payable("amount", amount)?;
        }
        let original = self.original(top_up, facts)?.ok_or(Rejection::TopUpNotFound)?;
        let Original { kind: OriginalKind::TopUp(provider), amount: topped_up, returned } = original else {
            return Err(Rejection::TopUpNotFound);
        };
        let exceeds = Rejection::RefundExceedsTopUp { topped_up, returned, amount: asked };
        Ok((original.returnable(asked).ok_or(exceeds)?, provider))
    }

    fn original(&self, entry: EntryId, facts: &Facts) -> Result<Option<Original>, Rejection> {
        let id = self.id().ok_or(Rejection::NotOpen)?;
        // Sequence 0 is no entry's: an id that no ledger has made.
        let ours = entry.sequence() > 0 && EntryId::new(id, entry.sequence()) == entry;
        Ok(facts.original(entry.sequence()).filter(|_| ours))
    }

    fn open_in(&self, asked: Currency) -> Result<(), Rejection> {
        match self.holder {
            None => Err(Rejection::NotOpen),
            Some(Holder { currency, .. }) if currency != asked => {
                Err(Rejection::NoAccountInCurrency { asked, currency })
            }
            Some(_) => Ok(()),
        }
    }

    /// Whether this much can be spent.
    fn covers(&self, amount: Amount) -> Result<(), Rejection> {
        let available = self.balances.available();
        if available < amount.money() {
            Err(Rejection::InsufficientFunds { available, amount })
        } else {
            Ok(())
        }
    }

    /// Whether a payment of this much can be made: it is never finer than the smallest coin of the account's currency.
    fn payable(&self, field: &str, amount: Amount) -> Result<(), Rejection> {
        let Holder { currency, .. } = self.holder.ok_or(Rejection::NotOpen)?;
        match currency.coin_digits() {
            Some(digits) if amount.digits() > digits => {
                Err(Rejection::TooPrecise { field: field.to_owned(), currency, digits })
            }
            Some(_) | None => Ok(()),
        }
    }

    fn enter(
        &self,
        at: Timestamp,
        effective_at: Timestamp,
        movements: Vec<Movement>,
    ) -> Result<Entry, Rejection> {
        let after = self.balances.after(&movements, false).ok_or(Rejection::OutOfRange)?;
        Ok(Entry { at, effective_at, movements, after })
    }
}

#[cfg(test)]
mod tests;
