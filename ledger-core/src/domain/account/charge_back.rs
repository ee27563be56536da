//! A bank takes a top-up back, whether the money is still there or not. What is not there becomes forced debt.

use serde::{Deserialize, Serialize};

use super::{Account, Command, Event, Facts, Rejection, Shape};
use crate::domain::{
    chart::{Leg, Provider},
    entry::{Entry, Movement, Timestamp},
    ids::EntryId,
    money::Amount,
    request::Form,
};

/// Books what a bank has taken back. It is forced: what the account cannot cover becomes forced debt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargeBack {
    /// The entry that topped up.
    pub top_up: EntryId,
    /// How much; all that is left of it if absent.
    pub amount: Option<Amount>,
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

impl ChargeBack {
    pub(super) fn form(&self) -> Form {
        let Self { top_up, amount } = self;
        Form::of("charge_back").field("top_up", top_up).optional("amount", amount.as_ref())
    }

    pub(super) fn decide(&self, account: &Account, at: Timestamp, facts: &Facts) -> Result<Event, Rejection> {
        let (amount, provider) = account.returned_top_up(self.top_up, self.amount, facts)?;
        let movements = vec![Movement { debit: Leg::MAIN, credit: Leg::cash(provider), amount }];
        let after = account.balances.after(&movements, true).ok_or(Rejection::OutOfRange)?;
        let entry = Entry { at, effective_at: at, movements, after };
        Ok(Event::ChargedBack(ChargedBack { top_up: self.top_up, amount, provider, entry }))
    }
}

impl ChargedBack {
    pub(super) fn shape(&self) -> Shape<'_> {
        Shape {
            name: "account.charged_back",
            entry: &self.entry,
            amount: self.amount.money(),
            legs: vec![(Leg::MAIN, Leg::cash(self.provider))],
            fee: None,
            payment: None,
            reference: None,
            original: None,
            refers_to: Some(self.top_up),
            forced: true,
        }
    }

    /// The command that this answers.
    pub(super) fn command(&self) -> Command {
        Command::ChargeBack(ChargeBack { top_up: self.top_up, amount: Some(self.amount) })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::domain::account::tests::check;

    #[test]
    fn what_is_not_there_any_more_becomes_debt_that_shrinks_as_money_comes() {
        check(
            "open 5
             top_up 10
             charge 12
             refund_top_up 2 3
             charge_back 3
             charge_back 2 0.001
             charge_back 2
             charge 0.01
             charge_back 2 1
             top_up 6 pi_2
             charge 0.01
             top_up 2 pi_3
             charge 1
             refund 3
             charge_back 7",
            &expect![[r#"
                open 5                   -> 1: balance 0 available 5
                top_up 10                -> 2: balance 10 available 15
                charge 12                -> 3: balance -2 available 3
                refund_top_up 2 3        -> 4: balance -5 available 0
                charge_back 3            -> top_up_not_found
                charge_back 2 0.001      -> too_precise
                charge_back 2            -> 5: balance -12 available -7 forced debt 7
                charge 0.01              -> insufficient_funds
                charge_back 2 1          -> refund_exceeds_top_up
                top_up 6 pi_2            -> 6: balance -6 available -1 forced debt 1
                charge 0.01              -> insufficient_funds
                top_up 2 pi_3            -> 7: balance -4 available 1
                charge 1                 -> 8: balance -5 available 0
                refund 3                 -> 9: balance 7 available 12
                charge_back 7            -> 10: balance 5 available 10
            "#]],
        );
    }
}
