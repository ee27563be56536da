//! An account is opened: from then on it has an owner, a currency and a limit.

use serde::{Deserialize, Serialize};

use super::{Account, Command, Event, Rejection, Shape};
use crate::domain::{
    entry::{Balances, Entry, Timestamp},
    ids::Owner,
    money::{Currency, Money},
    request::Form,
};

/// Opens the one account of an owner in a currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// Whose it is.
    pub owner: Owner,
    /// What it counts in.
    pub currency: Currency,
    /// How far below zero it may go; zero or more.
    pub credit_limit: Money,
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

impl Open {
    pub(super) fn form(&self) -> Form {
        let Self { owner, currency, credit_limit } = self;
        Form::of("open").field("owner", owner).field("currency", currency).field("credit_limit", credit_limit)
    }

    pub(super) fn decide(&self, account: &Account, at: Timestamp) -> Result<Event, Rejection> {
        if account.holder.is_some() {
            return Err(Rejection::AlreadyOpen);
        }
        if self.credit_limit.is_negative() {
            return Err(Rejection::OutOfRange);
        }
        let after = Balances { credit_limit: self.credit_limit, ..Balances::default() };
        let entry = Entry { at, effective_at: at, movements: vec![], after };
        Ok(Event::Opened(Opened { owner: self.owner, currency: self.currency, entry }))
    }
}

impl Opened {
    pub(super) fn shape(&self) -> Shape<'_> {
        Shape {
            name: "account.opened",
            entry: &self.entry,
            amount: Money::ZERO,
            legs: vec![],
            fee: None,
            payment: None,
            reference: None,
            original: None,
            refers_to: None,
            forced: false,
        }
    }

    /// The command that this answers.
    pub(super) fn command(&self) -> Command {
        let (owner, currency) = (self.owner, self.currency);
        Command::Open(Open { owner, currency, credit_limit: self.entry.after.credit_limit })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::domain::account::tests::check;

    #[test]
    fn an_account_is_opened_once_with_a_limit_that_is_not_negative() {
        check(
            "open -1
             open 0
             open 0
             open 5",
            &expect![[r#"
                open -1                  -> out_of_range
                open 0                   -> 1: balance 0 available 0
                open 0                   -> account_exists
                open 5                   -> account_exists
            "#]],
        );
    }
}
