//! Money comes in through a payment provider, which may keep a fee. The fee is ours to pay, not the customer's.

use serde::{Deserialize, Serialize};

use super::{Account, Command, Event, Facts, Original, OriginalKind, Rejection, Shape};
use crate::domain::{
    chart::{Leg, Provider},
    entry::{Entry, Movement, Timestamp},
    ids::EntryId,
    limits::Label,
    money::{Amount, Currency},
    request::Form,
};

/// Money that a payment provider has taken for us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopUp {
    /// What the customer gets.
    pub amount: Amount,
    /// Must be the account's own.
    pub currency: Currency,
    /// Where the money lies now.
    pub provider: Provider,
    /// The provider's name for the payment, for reconciliation. No personal data: it is never erased.
    pub reference: Label,
    /// What the provider keeps, out of our pocket.
    pub fee: Option<Amount>,
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

impl TopUp {
    pub(super) fn form(&self) -> Form {
        let Self { amount, currency, provider, reference, fee } = self;
        Form::of("top_up")
            .field("amount", amount)
            .field("currency", currency)
            .field("provider", provider)
            .field("reference", reference)
            .optional("fee", fee.as_ref())
    }

    pub(super) fn decide(&self, account: &Account, at: Timestamp, facts: &Facts) -> Result<Event, Rejection> {
        account.open_in(self.currency)?;
        account.payable("amount", self.amount)?;
        if let Some(fee) = self.fee {
            account.payable("fee", fee)?;
        }
        if let Some((id, sequence)) = account.id().zip(facts.payment(self.provider, &self.reference)) {
            return Err(Rejection::PaymentAlreadyBooked { entry: EntryId::new(id, sequence) });
        }
        let cash = Leg::cash(self.provider);
        let mut movements = vec![Movement { debit: cash, credit: Leg::MAIN, amount: self.amount }];
        if let Some(fee) = self.fee {
            movements.push(Movement { debit: Leg::FEES, credit: cash, amount: fee });
        }
        Ok(Event::ToppedUp(ToppedUp {
            amount: self.amount,
            provider: self.provider,
            reference: self.reference.clone(),
            entry: account.enter(at, at, movements)?,
        }))
    }
}

impl ToppedUp {
    pub(super) fn shape(&self) -> Shape<'_> {
        let cash = Leg::cash(self.provider);
        Shape {
            name: "account.topped_up",
            entry: &self.entry,
            amount: self.amount.money(),
            legs: vec![(cash, Leg::MAIN)],
            // Only out of the cash that came in.
            fee: Some((Leg::FEES, cash)),
            payment: Some((self.provider, &self.reference)),
            reference: Some(&self.reference),
            original: Some(Original::new(OriginalKind::TopUp(self.provider), self.amount)),
            refers_to: None,
            forced: false,
        }
    }

    /// The command that this answers.
    pub(super) fn command(&self, currency: Currency) -> Command {
        let fee = self.entry.movements.iter().find(|movement| movement.debit == Leg::FEES);
        Command::TopUp(TopUp {
            amount: self.amount,
            currency,
            provider: self.provider,
            reference: self.reference.clone(),
            fee: fee.map(|movement| movement.amount),
        })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::domain::account::tests::check;

    #[test]
    fn the_customer_gets_the_whole_amount_and_the_fee_is_ours() {
        check(
            "top_up 1
             open 0
             top_up 100.00
             top_up 0.01 0.3 pi_2
             top_up 0.005 pi_3
             top_up 1 0.005 pi_3
             top_up 999999999999999 pi_3",
            &expect![[r#"
                top_up 1                 -> account_not_found
                open 0                   -> 1: balance 0 available 0
                top_up 100.00            -> 2: balance 100 available 100
                top_up 0.01 0.3 pi_2     -> 3: balance 100.01 available 100.01
                top_up 0.005 pi_3        -> too_precise
                top_up 1 0.005 pi_3      -> too_precise
                top_up 999999999999999 pi_3 -> out_of_range
            "#]],
        );
    }

    #[test]
    fn one_payment_credits_once() {
        check(
            "open 0
             top_up 10 pi_1
             top_up 10 pi_1
             top_up 5 0.3 pi_1
             top_up 10 bank pi_1
             charge_back 2
             top_up 10 pi_1
             top_up 0.001 pi_1",
            &expect![[r#"
                open 0                   -> 1: balance 0 available 0
                top_up 10 pi_1           -> 2: balance 10 available 10
                top_up 10 pi_1           -> payment_already_booked
                top_up 5 0.3 pi_1        -> payment_already_booked
                top_up 10 bank pi_1      -> 3: balance 20 available 20
                charge_back 2            -> 4: balance 10 available 10
                top_up 10 pi_1           -> payment_already_booked
                top_up 0.001 pi_1        -> too_precise
            "#]],
        );
    }
}
