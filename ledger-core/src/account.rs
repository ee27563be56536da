//! The account: one aggregate, one stream, one owner, one currency. Decisions are pure: no I/O, no clock, no randomness.

mod command;
mod event;
mod facts;
mod rejection;

use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

pub use self::{
    command::{Charge, Command, Instruction, Open, Refund, TopUp},
    event::{Charged, Event, Opened, Refunded, ToppedUp},
    facts::{ChargeFact, Facts, FetchFacts},
    rejection::Rejection,
};
use crate::{
    chart::{Leg, PlatformAccount, SubAccount},
    entry::{Balances, Entry, Movement, Timestamp},
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
        // Database time may step back by a hair between two connections; a stream's time never does.
        let at = self.at.map_or(*at, |last| last.max(*at));
        let event = match command {
            Command::Open(open) => self.open(at, open)?,
            Command::TopUp(top_up) => self.top_up(at, top_up)?,
            Command::Charge(charge) => self.charge(at, charge)?,
            Command::Refund(refund) => self.refund(at, refund, facts)?,
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
        let entry = event.entry();
        let mut before = self.balances;
        match event {
            Event::Opened(_) if self.holder.is_some() => {
                return wrong("the account is opened twice");
            }
            // Opening moves nothing; it sets the limit.
            Event::Opened(_) => before.credit_limit = entry.after.credit_limit,
            _ if self.holder.is_none() => return wrong("the account is not open"),
            Event::ToppedUp(_) | Event::Charged(_) | Event::Refunded(_) => {}
        }
        if self.at.is_some_and(|last| entry.at < last) {
            return wrong("its time is before that of the event before it");
        }
        if before.after(&entry.movements) != Some(entry.after) {
            return wrong("the balances after it are not those before it plus its movements");
        }
        if !entry.after.above_floor() {
            return wrong("it leaves the account below its floor");
        }
        if event.moved() != Some(event.amount()) {
            return wrong("its movements do not add up to its amount");
        }
        if let Event::Opened(Opened { owner, currency, .. }) = event {
            self.holder = Some(Holder { owner: *owner, currency: *currency });
        }
        if let Event::Charged(_) = event {
            self.last_charged_at = Some(entry.at);
        }
        self.balances = entry.after;
        self.at = Some(entry.at);
        self.version = sequence;
        Ok(())
    }

    fn open(&self, at: Timestamp, open: &Open) -> Result<Event, Rejection> {
        if self.holder.is_some() {
            return Err(Rejection::AlreadyOpen);
        }
        if open.credit_limit.is_negative() {
            return Err(Rejection::OutOfRange);
        }
        let after = Balances { credit_limit: open.credit_limit, ..Balances::default() };
        let entry = Entry { at, effective_at: at, movements: vec![], after };
        Ok(Event::Opened(Opened { owner: open.owner, currency: open.currency, entry }))
    }

    fn top_up(&self, at: Timestamp, top_up: &TopUp) -> Result<Event, Rejection> {
        self.open_in(top_up.currency)?;
        let cash = Leg::Platform(PlatformAccount::Cash(top_up.provider));
        let mut movements = vec![Movement { debit: cash, credit: MAIN, amount: top_up.amount }];
        if let Some(fee) = top_up.fee {
            movements.push(Movement { debit: FEES, credit: cash, amount: fee });
        }
        Ok(Event::ToppedUp(ToppedUp {
            amount: top_up.amount,
            provider: top_up.provider,
            reference: top_up.reference.clone(),
            entry: self.enter(at, at, movements)?,
        }))
    }

    fn charge(&self, at: Timestamp, charge: &Charge) -> Result<Event, Rejection> {
        self.open_in(charge.currency)?;
        let effective_at = charge.effective_at.unwrap_or(at);
        if effective_at > at {
            return Err(Rejection::EffectiveInFuture { at, effective_at });
        }
        let available = self.balances.available();
        if available < charge.amount.money() {
            return Err(Rejection::InsufficientFunds { available, amount: charge.amount });
        }
        let movements = vec![Movement { debit: MAIN, credit: REVENUE, amount: charge.amount }];
        Ok(Event::Charged(Charged { amount: charge.amount, entry: self.enter(at, effective_at, movements)? }))
    }

    fn refund(&self, at: Timestamp, refund: &Refund, facts: &Facts) -> Result<Event, Rejection> {
        let id = self.id().ok_or(Rejection::NotOpen)?;
        let sequence = refund.charge.sequence();
        let fact = facts.charge(sequence).filter(|_| EntryId::new(id, sequence) == refund.charge);
        let ChargeFact { charged, refunded } = fact.ok_or(Rejection::ChargeNotFound)?;
        let too_much = Rejection::RefundExceedsCharge { charged, refunded, amount: refund.amount };
        let left = charged.money().checked_sub(refunded).and_then(|left| Amount::new(left).ok());
        let left = left.ok_or_else(|| too_much.clone())?;
        let amount = refund.amount.unwrap_or(left);
        if amount > left {
            return Err(too_much);
        }
        let movements = vec![Movement { debit: REVENUE, credit: MAIN, amount }];
        Ok(Event::Refunded(Refunded { charge: refund.charge, amount, entry: self.enter(at, at, movements)? }))
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

    fn enter(
        &self,
        at: Timestamp,
        effective_at: Timestamp,
        movements: Vec<Movement>,
    ) -> Result<Entry, Rejection> {
        let after = self.balances.after(&movements).ok_or(Rejection::OutOfRange)?;
        Ok(Entry { at, effective_at, movements, after })
    }
}

const MAIN: Leg = Leg::Customer(SubAccount::Main);
const REVENUE: Leg = Leg::Platform(PlatformAccount::Revenue);
const FEES: Leg = Leg::Platform(PlatformAccount::Fees);

/// The bridge to cqrs-es: the stock framework and test tools drive the same pure decision.
impl Aggregate for Account {
    const TYPE: &'static str = "account";
    type Command = Instruction;
    type Event = Event;
    type Error = Rejection;
    type Services = Box<dyn FetchFacts>;

    async fn handle(
        &mut self,
        instruction: Instruction,
        services: &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Rejection> {
        let facts = services.fetch(&instruction.command).await?;
        for event in self.decide(&instruction, &facts)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Event) {
        self.fold(&event).expect("the journal holds only events that fold");
    }
}

#[cfg(test)]
mod tests;
