//! The customer pays for something used, as far as there is money or credit.

use serde::{Deserialize, Serialize};

use super::{Account, Command, Event, Original, OriginalKind, Rejection, Shape};
use crate::domain::{
    chart::Leg,
    entry::{Entry, Movement, Timestamp, is_kept, microseconds},
    limits::Label,
    money::{Amount, Currency},
    request::Form,
};

/// A price for something used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// How much.
    pub amount: Amount,
    /// Must be the account's own.
    pub currency: Currency,
    /// When it was used; the time of the decision if absent. Never later than that.
    pub effective_at: Option<Timestamp>,
    /// The caller's own name for what is charged. No personal data: it is never erased.
    pub reference: Option<Label>,
}

/// Usage was paid for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Charged {
    /// How much.
    pub amount: Amount,
    /// The caller's own name for what was charged. Not money, and so it may be absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Label>,
    /// main → revenue.
    pub entry: Entry,
}

impl Charge {
    pub(super) fn form(&self) -> Form {
        let Self { amount, currency, effective_at, reference } = self;
        Form::of("charge")
            .field("amount", amount)
            .field("currency", currency)
            .time("effective_at", *effective_at)
            .optional("reference", reference.as_ref())
    }

    pub(super) fn decide(&self, account: &Account, at: Timestamp) -> Result<Event, Rejection> {
        account.open_in(self.currency)?;
        let effective_at = self.effective_at.map_or(at, microseconds);
        if !is_kept(effective_at) {
            return Err(Rejection::InvalidTime { field: "effective_at".into() });
        }
        if effective_at > at {
            return Err(Rejection::EffectiveInFuture { at, effective_at });
        }
        account.covers(self.amount)?;
        let movements = vec![Movement { debit: Leg::MAIN, credit: Leg::REVENUE, amount: self.amount }];
        let entry = account.enter(at, effective_at, movements)?;
        Ok(Event::Charged(Charged { amount: self.amount, reference: self.reference.clone(), entry }))
    }
}

impl Charged {
    pub(super) fn shape(&self) -> Shape<'_> {
        Shape {
            name: "account.charged",
            entry: &self.entry,
            amount: self.amount.money(),
            legs: vec![(Leg::MAIN, Leg::REVENUE)],
            fee: None,
            payment: None,
            reference: self.reference.as_ref(),
            original: Some(Original::new(OriginalKind::Charge, self.amount)),
            refers_to: None,
            forced: false,
        }
    }

    /// The command that this answers.
    pub(super) fn command(&self, currency: Currency) -> Command {
        let effective_at = Some(self.entry.effective_at);
        let reference = self.reference.clone();
        Command::Charge(Charge { amount: self.amount, currency, effective_at, reference })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::domain::account::tests::check;

    #[test]
    fn money_is_spent_down_to_nothing() {
        check(
            "open 0
             top_up 100.00
             charge 70
             charge 70
             charge 30
             charge 0.000000000001
             top_up 0.01 pi_2
             charge 0.009999999999
             charge 0.000000000001",
            &expect![[r#"
                open 0                   -> 1: balance 0 available 0
                top_up 100.00            -> 2: balance 100 available 100
                charge 70                -> 3: balance 30 available 30
                charge 70                -> insufficient_funds
                charge 30                -> 4: balance 0 available 0
                charge 0.000000000001    -> insufficient_funds
                top_up 0.01 pi_2         -> 5: balance 0.01 available 0.01
                charge 0.009999999999    -> 6: balance 0.000000000001 available 0.000000000001
                charge 0.000000000001    -> 7: balance 0 available 0
            "#]],
        );
    }

    #[test]
    fn a_credit_limit_is_a_floor_below_zero() {
        check(
            "open 50
             charge 50
             charge 0.01
             top_up 20
             charge 20",
            &expect![[r#"
                open 50                  -> 1: balance 0 available 50
                charge 50                -> 2: balance -50 available 0
                charge 0.01              -> insufficient_funds
                top_up 20                -> 3: balance -30 available 20
                charge 20                -> 4: balance -50 available 0
            "#]],
        );
    }

    /// Each row breaks the rule it is named for and every rule after it: the first in the order of `Rejection` is the answer.
    #[test]
    fn rejections_have_a_fixed_order() {
        check(
            "charge 1 EUR
             open 0
             charge 1 EUR
             charge 1 past
             charge 1 leap
             charge 1 future
             charge 1",
            &expect![[r#"
                charge 1 EUR             -> account_not_found
                open 0                   -> 1: balance 0 available 0
                charge 1 EUR             -> no_account_in_currency
                charge 1 past            -> invalid
                charge 1 leap            -> invalid
                charge 1 future          -> effective_in_future
                charge 1                 -> insufficient_funds
            "#]],
        );
    }
}
