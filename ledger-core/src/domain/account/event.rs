//! What has happened to an account, in the form it is kept in for ever. Every version ever shipped has a golden file.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::domain::{
    chart::{Leg, PlatformAccount, Provider, SubAccount},
    entry::Entry,
    ids::{EntryId, Owner},
    limits::Label,
    money::{Amount, Currency, Money},
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

/// The account exists, with its credit limit in `entry.after`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opened {
    /// Whose it is.
    pub owner: Owner,
    /// What it counts in.
    pub currency: Currency,
    /// No movements.
    pub entry: Entry,
}

/// Money came in from a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToppedUp {
    /// What the customer got.
    pub amount: Amount,
    /// Who took the payment.
    pub provider: Provider,
    /// The provider's name for it.
    pub reference: Label,
    /// cash → main, and fees → cash if the provider kept something.
    pub entry: Entry,
}

/// Usage was paid for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Charged {
    /// How much.
    pub amount: Amount,
    /// main → revenue.
    pub entry: Entry,
}

/// A charge was given back, wholly or in part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refunded {
    /// The entry that charged, in the same stream.
    pub charge: EntryId,
    /// How much of it.
    pub amount: Amount,
    /// revenue → main.
    pub entry: Entry,
}

/// A top-up was paid out again, wholly or in part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopUpRefunded {
    /// The entry that topped up, in the same stream.
    pub top_up: EntryId,
    /// How much of it.
    pub amount: Amount,
    /// Who paid it out.
    pub provider: Provider,
    /// main → cash.
    pub entry: Entry,
}

/// A bank took a top-up back. Forced: what the account could not cover stands in `entry.after.forced_debt`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChargedBack {
    /// The entry that topped up, in the same stream.
    pub top_up: EntryId,
    /// How much of it.
    pub amount: Amount,
    /// Whose cash it was taken from.
    pub provider: Provider,
    /// main → cash.
    pub entry: Entry,
}

impl Event {
    /// The movements, the times and the balances after.
    #[must_use]
    pub fn entry(&self) -> &Entry {
        match self {
            Self::Opened(Opened { entry, .. })
            | Self::ToppedUp(ToppedUp { entry, .. })
            | Self::Charged(Charged { entry, .. })
            | Self::Refunded(Refunded { entry, .. })
            | Self::TopUpRefunded(TopUpRefunded { entry, .. })
            | Self::ChargedBack(ChargedBack { entry, .. }) => entry,
        }
    }

    /// The amount that it says of itself; zero for one that moves nothing.
    #[must_use]
    pub fn amount(&self) -> Money {
        match self {
            Self::Opened(_) => Money::ZERO,
            Self::ToppedUp(ToppedUp { amount, .. })
            | Self::Charged(Charged { amount, .. })
            | Self::Refunded(Refunded { amount, .. })
            | Self::TopUpRefunded(TopUpRefunded { amount, .. })
            | Self::ChargedBack(ChargedBack { amount, .. }) => amount.money(),
        }
    }

    /// The entry of the same stream that it follows up, if any.
    #[must_use]
    pub fn refers_to(&self) -> Option<EntryId> {
        match self {
            Self::Refunded(Refunded { charge, .. }) => Some(*charge),
            Self::TopUpRefunded(TopUpRefunded { top_up, .. })
            | Self::ChargedBack(ChargedBack { top_up, .. }) => Some(*top_up),
            Self::Opened(_) | Self::ToppedUp(_) | Self::Charged(_) => None,
        }
    }

    /// Whether it happened to the account without being asked, and so may leave it below its floor.
    #[must_use]
    pub fn is_forced(&self) -> bool {
        match self {
            Self::ChargedBack(_) => true,
            Self::Opened(_)
            | Self::ToppedUp(_)
            | Self::Charged(_)
            | Self::Refunded(_)
            | Self::TopUpRefunded(_) => false,
        }
    }

    /// What its movements say that the amount is: the sum of the legs that this kind of event is about.
    pub(super) fn moved(&self) -> Option<Money> {
        let main = Leg::Customer(SubAccount::Main);
        let revenue = Leg::Platform(PlatformAccount::Revenue);
        let (debit, credit) = match self {
            // An account is opened without a movement, so any leg at all makes this differ from zero.
            Self::Opened(_) => return self.total(|_, _| true),
            Self::ToppedUp(ToppedUp { provider, .. }) => {
                (Leg::Platform(PlatformAccount::Cash(*provider)), main)
            }
            Self::Charged(_) => (main, revenue),
            Self::Refunded(_) => (revenue, main),
            Self::TopUpRefunded(TopUpRefunded { provider, .. })
            | Self::ChargedBack(ChargedBack { provider, .. }) => {
                (main, Leg::Platform(PlatformAccount::Cash(*provider)))
            }
        };
        // Only money that comes in may carry a fee, and only out of the cash that it brought.
        let fees = Leg::Platform(PlatformAccount::Fees);
        let fee = |from: Leg, to: Leg| matches!(self, Self::ToppedUp(_)) && (from, to) == (fees, debit);
        let foreign = self.total(|from, to| (from, to) != (debit, credit) && !fee(from, to))?;
        if foreign == Money::ZERO { self.total(|from, to| (from, to) == (debit, credit)) } else { None }
    }

    fn total(&self, of: impl Fn(Leg, Leg) -> bool) -> Option<Money> {
        let counted = self.entry().movements.iter().filter(|movement| of(movement.debit, movement.credit));
        counted.map(|movement| movement.amount.money()).try_fold(Money::ZERO, Money::checked_add)
    }
}

impl DomainEvent for Event {
    fn event_type(&self) -> String {
        match self {
            Self::Opened(_) => "account.opened",
            Self::ToppedUp(_) => "account.topped_up",
            Self::Charged(_) => "account.charged",
            Self::Refunded(_) => "account.refunded",
            Self::TopUpRefunded(_) => "account.top_up_refunded",
            Self::ChargedBack(_) => "account.charged_back",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        EVENT_VERSION.to_owned()
    }
}
