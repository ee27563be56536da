//! A charge is given back, wholly or in part.

use serde::{Deserialize, Serialize};

use super::{Account, Command, Event, Facts, Original, OriginalKind, Rejection, Shape};
use crate::domain::{
    chart::Leg,
    entry::{Entry, Movement, Timestamp},
    ids::EntryId,
    money::Amount,
    request::Form,
};

/// Gives a charge back. Refunds of one charge add up to at most the charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// The entry that charged.
    pub charge: EntryId,
    /// How much; all that is left if absent.
    pub amount: Option<Amount>,
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

impl Refund {
    pub(super) fn form(&self) -> Form {
        let Self { charge, amount } = self;
        Form::of("refund").field("charge", charge).optional("amount", amount.as_ref())
    }

    pub(super) fn decide(&self, account: &Account, at: Timestamp, facts: &Facts) -> Result<Event, Rejection> {
        let original = account.original(self.charge, facts)?.ok_or(Rejection::ChargeNotFound)?;
        let Original { kind: OriginalKind::Charge, amount: charged, returned: refunded } = original else {
            return Err(Rejection::ChargeNotFound);
        };
        let exceeds = Rejection::RefundExceedsCharge { charged, refunded, amount: self.amount };
        let amount = original.returnable(self.amount).ok_or(exceeds)?;
        let movements = vec![Movement { debit: Leg::REVENUE, credit: Leg::MAIN, amount }];
        let entry = account.enter(at, at, movements)?;
        Ok(Event::Refunded(Refunded { charge: self.charge, amount, entry }))
    }
}

impl Refunded {
    pub(super) fn shape(&self) -> Shape<'_> {
        Shape {
            name: "account.refunded",
            entry: &self.entry,
            amount: self.amount.money(),
            legs: vec![(Leg::REVENUE, Leg::MAIN)],
            fee: None,
            payment: None,
            reference: None,
            original: None,
            refers_to: Some(self.charge),
            forced: false,
        }
    }

    /// The command that this answers.
    pub(super) fn command(&self) -> Command {
        Command::Refund(Refund { charge: self.charge, amount: Some(self.amount) })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::domain::account::tests::check;

    #[test]
    fn refunds_add_up_to_at_most_the_charge() {
        check(
            "open 0
             top_up 10
             charge 10
             refund 3 4
             refund 3 6.01
             refund 3
             refund 3
             refund 3 1
             refund 2
             refund 9",
            &expect![[r#"
                open 0                   -> 1: balance 0 available 0
                top_up 10                -> 2: balance 10 available 10
                charge 10                -> 3: balance 0 available 0
                refund 3 4               -> 4: balance 4 available 4
                refund 3 6.01            -> refund_exceeds_charge
                refund 3                 -> 5: balance 10 available 10
                refund 3                 -> refund_exceeds_charge
                refund 3 1               -> refund_exceeds_charge
                refund 2                 -> charge_not_found
                refund 9                 -> charge_not_found
            "#]],
        );
    }
}
