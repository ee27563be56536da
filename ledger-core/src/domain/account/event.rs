//! What has happened to an account, in the form it is kept in for ever. Every version ever shipped has a golden file.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use super::{Charged, ChargedBack, Command, Opened, Original, Question, Refunded, TopUpRefunded, ToppedUp};
use crate::domain::{
    chart::{Leg, Provider},
    entry::Entry,
    ids::EntryId,
    limits::Label,
    money::{Currency, Money},
};

/// The version in the column `event_version` of every kind written today.
const EVENT_VERSION: &str = "1";

/// One fact of an account's stream. Unknown fields and kinds are refused: a guess about money is worse than an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The account exists.
    Opened(Opened),
    /// Money came in.
    ToppedUp(ToppedUp),
    /// Usage was paid for.
    Charged(Charged),
    /// A charge was given back, wholly or in part.
    Refunded(Refunded),
    /// A top-up was paid out again, wholly or in part.
    TopUpRefunded(TopUpRefunded),
    /// A bank took a top-up back.
    ChargedBack(ChargedBack),
}

/// What an event is, whatever its kind. A kind says it once, in its file, and whoever treats all kinds alike reads it here.
pub(crate) struct Shape<'a> {
    /// Its name in the column `event_type`.
    pub(crate) name: &'static str,
    /// The movements, the times and the balances after.
    pub(crate) entry: &'a Entry,
    /// The amount that it says of itself; zero for one that moves nothing.
    pub(crate) amount: Money,
    /// From which account to which its movements go, debit first. Together they make the amount.
    pub(crate) legs: Vec<(Leg, Leg)>,
    /// A movement that may stand beside the amount and is no part of it.
    pub(crate) fee: Option<(Leg, Leg)>,
    /// The payment that it books, by provider and its reference there. One payment is booked once.
    pub(crate) payment: Option<(Provider, &'a Label)>,
    /// What somebody else calls it: the provider for a payment, the caller for a charge.
    pub(crate) reference: Option<&'a Label>,
    /// What a later event can give back of it.
    pub(crate) original: Option<Original>,
    /// The entry of the same stream that it gives back.
    pub(crate) refers_to: Option<EntryId>,
    /// Whether it happened to the account without being asked, and so may leave it below its floor.
    pub(crate) forced: bool,
}

impl Shape<'_> {
    /// The sum of its movements without the fee; `None` when one goes where no event of this kind goes.
    pub(super) fn moved(&self) -> Option<Money> {
        let mut moved = Money::ZERO;
        for movement in &self.entry.movements {
            let legs = (movement.debit, movement.credit);
            if self.legs.contains(&legs) {
                moved = moved.checked_add(movement.amount.money())?;
            } else if self.fee != Some(legs) {
                return None;
            }
        }
        Some(moved)
    }
}

impl Event {
    /// What it is, whatever its kind.
    pub(crate) fn shape(&self) -> Shape<'_> {
        match self {
            Self::Opened(opened) => opened.shape(),
            Self::ToppedUp(topped_up) => topped_up.shape(),
            Self::Charged(charged) => charged.shape(),
            Self::Refunded(refunded) => refunded.shape(),
            Self::TopUpRefunded(refunded) => refunded.shape(),
            Self::ChargedBack(charged_back) => charged_back.shape(),
        }
    }

    /// The command that it answers, on an account in this currency.
    pub(super) fn command(&self, currency: Currency) -> Command {
        match self {
            Self::Opened(opened) => opened.command(),
            Self::ToppedUp(topped_up) => topped_up.command(currency),
            Self::Charged(charged) => charged.command(currency),
            Self::Refunded(refunded) => refunded.command(),
            Self::TopUpRefunded(refunded) => refunded.command(),
            Self::ChargedBack(charged_back) => charged_back.command(),
        }
    }

    /// What must have been known of closed business to decide it.
    pub(crate) fn asks(&self) -> Option<Question> {
        let Shape { payment, refers_to, .. } = self.shape();
        let payment = payment.map(|(provider, reference)| Question::Payment(provider, reference.clone()));
        payment.or(refers_to.map(Question::Original))
    }

    /// The movements, the times and the balances after.
    #[must_use]
    pub fn entry(&self) -> &Entry {
        self.shape().entry
    }

    /// The amount that it says of itself; zero for one that moves nothing.
    #[must_use]
    pub fn amount(&self) -> Money {
        self.shape().amount
    }

    /// The entry of the same stream that it follows up, if any.
    #[must_use]
    pub fn refers_to(&self) -> Option<EntryId> {
        self.shape().refers_to
    }

    /// Whether it happened to the account without being asked, and so may leave it below its floor.
    #[must_use]
    pub fn is_forced(&self) -> bool {
        self.shape().forced
    }
}

impl DomainEvent for Event {
    fn event_type(&self) -> String {
        self.shape().name.to_owned()
    }

    fn event_version(&self) -> String {
        EVENT_VERSION.to_owned()
    }
}
