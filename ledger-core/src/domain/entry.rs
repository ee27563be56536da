//! Double entry: movements that cannot be unbalanced, and the balances that they leave behind.

use chrono::{DateTime, SubsecRound, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{
    chart::{Leg, SubAccount},
    money::{Amount, Money},
};

/// A moment in UTC, in whole microseconds as PostgreSQL keeps it.
pub type Timestamp = DateTime<Utc>;

/// A moment as the ledger keeps it: what is finer than a microsecond is cut off.
#[must_use]
pub fn microseconds(time: Timestamp) -> Timestamp {
    time.trunc_subsecs(6)
}

/// Whether the ledger keeps this time: from 1970 on, and no leap second. A clock that shows 23:59:60 is right, but neither
/// PostgreSQL nor most other readers can take a time behind it.
pub(crate) fn is_kept(time: Timestamp) -> bool {
    time >= DateTime::UNIX_EPOCH && time.timestamp_subsec_nanos() < 1_000_000_000
}

/// One amount from one account to another. Both sides are this one number, so an unbalanced entry cannot be spelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Movement {
    /// The account debited: a customer's goes down, an asset or expense goes up.
    pub debit: Leg,
    /// The account credited: a customer's goes up, an asset or expense goes down.
    pub credit: Leg,
    /// How much, in the account's currency.
    pub amount: Amount,
}

/// What happened to money, when, and where that left the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// When it was decided, in database time. Never decreases along a stream.
    pub at: Timestamp,
    /// When it counts for the business: the time of the usage, which may lie before `at`.
    pub effective_at: Timestamp,
    /// Empty for entries that move nothing, such as opening the account.
    pub movements: Vec<Movement>,
    /// The account's balances after it.
    pub after: Balances,
}

/// All sums of one account. Every field is written into every event: none may ever be defaulted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Balances {
    /// The sub-account `main`. Negative while credit is used.
    pub main: Money,
    /// The sub-account `held`.
    pub held: Money,
    /// All live grants together.
    pub grants: Money,
    /// The promotional part of `grants`.
    pub free_credit: Money,
    /// How far below zero the account may go.
    pub credit_limit: Money,
    /// The part below the floor that forced entries made.
    pub forced_debt: Money,
}

impl Balances {
    /// main + held + live grants.
    #[must_use]
    pub fn balance(&self) -> Money {
        sum([self.main, self.held, self.grants])
    }

    /// What a new charge may cost: balance − held + credit limit.
    #[must_use]
    pub fn available(&self) -> Money {
        sum([self.main, self.grants, self.credit_limit])
    }

    /// What the customer owes: max(0, −(main + held)).
    #[must_use]
    pub fn outstanding(&self) -> Money {
        (-sum([self.main, self.held])).max(Money::ZERO)
    }

    /// Whether nobody is below the floor: balance − held ≥ −(credit limit + forced debt).
    #[must_use]
    pub fn above_floor(&self) -> bool {
        sum([self.available(), self.forced_debt]) >= Money::ZERO
    }

    /// The balances after these movements, or `None` when one leaves the range of money.
    ///
    /// A forced entry may go below the floor, and what it goes below becomes forced debt; any other can only shrink that.
    #[must_use]
    pub fn after(mut self, movements: &[Movement], forced: bool) -> Option<Self> {
        for Movement { debit, credit, amount } in movements {
            self.post(*debit, -amount.money())?;
            self.post(*credit, amount.money())?;
        }
        // The sums above are computed without an `Option`, so their range is proved here, once.
        self.main.checked_add(self.held)?.checked_add(self.grants)?;
        let available = self.main.checked_add(self.grants)?.checked_add(self.credit_limit)?;
        let shortfall = (-available).max(Money::ZERO);
        self.forced_debt = if forced { shortfall } else { shortfall.min(self.forced_debt) };
        available.checked_add(self.forced_debt)?;
        Some(self)
    }

    fn post(&mut self, leg: Leg, signed: Money) -> Option<()> {
        let balance = match leg {
            Leg::Customer(SubAccount::Main) => &mut self.main,
            Leg::Customer(SubAccount::Held) => &mut self.held,
            Leg::Platform(_) => return Some(()),
        };
        *balance = balance.checked_add(signed)?;
        Some(())
    }
}

impl Entry {
    /// The balance before it: the balance after, less what its movements brought to the customer.
    #[must_use]
    pub fn balance_before(&self) -> Money {
        let signed = self.movements.iter().flat_map(|Movement { debit, credit, amount }| {
            [(*debit, -amount.money()), (*credit, amount.money())]
        });
        let moved = signed.filter(|(leg, _)| matches!(leg, Leg::Customer(_))).map(|(_, signed)| signed);
        let before = moved.map(|signed| -signed).try_fold(self.after.balance(), Money::checked_add);
        before.expect("the balance before was in range once")
    }
}

fn sum<const N: usize>(parts: [Money; N]) -> Money {
    parts.into_iter().try_fold(Money::ZERO, Money::checked_add).expect("balances were checked to be in range")
}
