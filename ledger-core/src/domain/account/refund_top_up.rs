//! A top-up is paid out again, as far as the money is still there.

use serde::{Deserialize, Serialize};

use super::{Account, Command, Event, Facts, Rejection, Shape};
use crate::domain::{
    chart::{Leg, Provider},
    entry::{Entry, Movement, Timestamp},
    ids::EntryId,
    money::Amount,
    request::Form,
};

/// Pays a top-up out again. Only what is still available can be paid out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundTopUp {
    /// The entry that topped up.
    pub top_up: EntryId,
    /// How much; all that is left of it if absent.
    pub amount: Option<Amount>,
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

impl RefundTopUp {
    pub(super) fn form(&self) -> Form {
        let Self { top_up, amount } = self;
        Form::of("refund_top_up").field("top_up", top_up).optional("amount", amount.as_ref())
    }

    pub(super) fn decide(&self, account: &Account, at: Timestamp, facts: &Facts) -> Result<Event, Rejection> {
        let (amount, provider) = account.returned_top_up(self.top_up, self.amount, facts)?;
        account.covers(amount)?;
        let movements = vec![Movement { debit: Leg::MAIN, credit: Leg::cash(provider), amount }];
        let entry = account.enter(at, at, movements)?;
        Ok(Event::TopUpRefunded(TopUpRefunded { top_up: self.top_up, amount, provider, entry }))
    }
}

impl TopUpRefunded {
    pub(super) fn shape(&self) -> Shape<'_> {
        Shape {
            name: "account.top_up_refunded",
            entry: &self.entry,
            amount: self.amount.money(),
            legs: vec![(Leg::MAIN, Leg::cash(self.provider))],
            fee: None,
            payment: None,
            reference: None,
            original: None,
            refers_to: Some(self.top_up),
            forced: false,
        }
    }

    /// The command that this answers.
    pub(super) fn command(&self) -> Command {
        Command::RefundTopUp(RefundTopUp { top_up: self.top_up, amount: Some(self.amount) })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::domain::account::tests::check;

    #[test]
    fn money_goes_out_only_as_far_as_it_is_there() {
        check(
            "open 5
             top_up 10
             charge 12
             refund_top_up 2 4
             refund_top_up 2 3
             top_up 20 pi_2
             refund_top_up 2 7.01
             refund_top_up 2 0.001
             refund_top_up 2
             refund_top_up 2
             refund_top_up 3
             refund_top_up 9",
            &expect![[r#"
                open 5                   -> 1: balance 0 available 5
                top_up 10                -> 2: balance 10 available 15
                charge 12                -> 3: balance -2 available 3
                refund_top_up 2 4        -> insufficient_funds
                refund_top_up 2 3        -> 4: balance -5 available 0
                top_up 20 pi_2           -> 5: balance 15 available 20
                refund_top_up 2 7.01     -> refund_exceeds_top_up
                refund_top_up 2 0.001    -> too_precise
                refund_top_up 2          -> 6: balance 8 available 13
                refund_top_up 2          -> refund_exceeds_top_up
                refund_top_up 3          -> top_up_not_found
                refund_top_up 9          -> top_up_not_found
            "#]],
        );
    }
}
