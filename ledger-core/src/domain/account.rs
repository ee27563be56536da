//! The account: one aggregate, one stream, one owner, one currency. Decisions are pure: no I/O, no clock, no randomness.

mod command;
mod event;
mod facts;
mod rejection;

use chrono::DateTime;
use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

pub use self::{
    command::{Charge, ChargeBack, Command, Instruction, Open, Refund, RefundTopUp, TopUp},
    event::{Charged, ChargedBack, Event, Opened, Refunded, TopUpRefunded, ToppedUp},
    facts::{Facts, FetchFacts, Original, OriginalKind},
    rejection::Rejection,
};
use crate::domain::{
    chart::{Leg, PlatformAccount, Provider, SubAccount},
    entry::{Balances, Entry, Movement, Timestamp, microseconds},
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
            Command::RefundTopUp(refund) => self.refund_top_up(at, refund, facts)?,
            Command::ChargeBack(charge_back) => self.charge_back(at, charge_back, facts)?,
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
            Event::ToppedUp(_)
            | Event::Charged(_)
            | Event::Refunded(_)
            | Event::TopUpRefunded(_)
            | Event::ChargedBack(_) => {}
        }
        if self.at.is_some_and(|last| entry.at < last) {
            return wrong("its time is before that of the event before it");
        }
        if before.after(&entry.movements, event.is_forced()) != Some(entry.after) {
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
        let cash = cash(top_up.provider);
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
        let effective_at = charge.effective_at.map_or(at, microseconds);
        if effective_at > at {
            return Err(Rejection::EffectiveInFuture { at, effective_at });
        }
        if effective_at < DateTime::UNIX_EPOCH {
            return Err(Rejection::OutOfRange);
        }
        let available = self.balances.available();
        if available < charge.amount.money() {
            return Err(Rejection::InsufficientFunds { available, amount: charge.amount });
        }
        let movements = vec![Movement { debit: MAIN, credit: REVENUE, amount: charge.amount }];
        Ok(Event::Charged(Charged { amount: charge.amount, entry: self.enter(at, effective_at, movements)? }))
    }

    fn refund(&self, at: Timestamp, refund: &Refund, facts: &Facts) -> Result<Event, Rejection> {
        let original = self.original(refund.charge, facts)?.ok_or(Rejection::ChargeNotFound)?;
        let Original { kind: OriginalKind::Charge, amount: charged, returned: refunded } = original else {
            return Err(Rejection::ChargeNotFound);
        };
        let exceeds = Rejection::RefundExceedsCharge { charged, refunded, amount: refund.amount };
        let amount = returnable(&original, refund.amount).ok_or(exceeds)?;
        let movements = vec![Movement { debit: REVENUE, credit: MAIN, amount }];
        Ok(Event::Refunded(Refunded { charge: refund.charge, amount, entry: self.enter(at, at, movements)? }))
    }

    fn refund_top_up(&self, at: Timestamp, refund: &RefundTopUp, facts: &Facts) -> Result<Event, Rejection> {
        let (amount, provider) = self.money_out(refund.top_up, refund.amount, facts)?;
        let available = self.balances.available();
        if available < amount.money() {
            return Err(Rejection::InsufficientFunds { available, amount });
        }
        let movements = vec![Movement { debit: MAIN, credit: cash(provider), amount }];
        let entry = self.enter(at, at, movements)?;
        Ok(Event::TopUpRefunded(TopUpRefunded { top_up: refund.top_up, amount, provider, entry }))
    }

    fn charge_back(
        &self,
        at: Timestamp,
        charge_back: &ChargeBack,
        facts: &Facts,
    ) -> Result<Event, Rejection> {
        let (amount, provider) = self.money_out(charge_back.top_up, charge_back.amount, facts)?;
        let movements = vec![Movement { debit: MAIN, credit: cash(provider), amount }];
        let after = self.balances.after(&movements, true).ok_or(Rejection::OutOfRange)?;
        let entry = Entry { at, effective_at: at, movements, after };
        Ok(Event::ChargedBack(ChargedBack { top_up: charge_back.top_up, amount, provider, entry }))
    }

    /// How much of a top-up goes back where it came from, and where that is.
    fn money_out(
        &self,
        top_up: EntryId,
        asked: Option<Amount>,
        facts: &Facts,
    ) -> Result<(Amount, Provider), Rejection> {
        let original = self.original(top_up, facts)?.ok_or(Rejection::TopUpNotFound)?;
        let Original { kind: OriginalKind::TopUp(provider), amount: topped_up, returned } = original else {
            return Err(Rejection::TopUpNotFound);
        };
        let exceeds = Rejection::RefundExceedsTopUp { topped_up, returned, amount: asked };
        Ok((returnable(&original, asked).ok_or(exceeds)?, provider))
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

/// What is asked for, or all that is left; `None` when that is more than is left, or nothing is.
fn returnable(original: &Original, asked: Option<Amount>) -> Option<Amount> {
    let left = original.left()?;
    Some(asked.unwrap_or(left)).filter(|amount| *amount <= left)
}

fn cash(provider: Provider) -> Leg {
    Leg::Platform(PlatformAccount::Cash(provider))
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
