//! What can be asked of an account.

use serde::{Deserialize, Serialize};

use crate::domain::{
    chart::Provider,
    entry::Timestamp,
    ids::{EntryId, Owner},
    limits::Label,
    money::{Amount, Currency, Money},
};

/// A command and the time at which it is decided: time arrives as an argument, so that a decision can be replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Database time.
    pub at: Timestamp,
    /// What to do.
    pub command: Command,
}

/// Everything that an account can be asked to do. Its JSON is what the hash of a request covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Open the account.
    Open(Open),
    /// Money comes in.
    TopUp(TopUp),
    /// The customer pays for what was used.
    Charge(Charge),
    /// A charge is given back, wholly or in part.
    Refund(Refund),
    /// A top-up is paid out again, wholly or in part.
    RefundTopUp(RefundTopUp),
    /// The customer's bank takes a top-up back, whether the money is still there or not.
    ChargeBack(ChargeBack),
}

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

/// A price for something used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// How much.
    pub amount: Amount,
    /// Must be the account's own.
    pub currency: Currency,
    /// When it was used; the time of the decision if absent. Never later than that.
    pub effective_at: Option<Timestamp>,
}

/// Gives a charge back. Refunds of one charge add up to at most the charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// The entry that charged.
    pub charge: EntryId,
    /// How much; all that is left if absent.
    pub amount: Option<Amount>,
}

/// Pays a top-up out again. Only what is still available can be paid out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundTopUp {
    /// The entry that topped up.
    pub top_up: EntryId,
    /// How much; all that is left of it if absent.
    pub amount: Option<Amount>,
}

/// Books what a bank has taken back. It is forced: what the account cannot cover becomes forced debt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargeBack {
    /// The entry that topped up.
    pub top_up: EntryId,
    /// How much; all that is left of it if absent.
    pub amount: Option<Amount>,
}

impl Command {
    /// The entry that deciding this needs to know about.
    #[must_use]
    pub fn refers_to(&self) -> Option<EntryId> {
        match self {
            Self::Refund(refund) => Some(refund.charge),
            Self::RefundTopUp(refund) => Some(refund.top_up),
            Self::ChargeBack(charge_back) => Some(charge_back.top_up),
            Self::Open(_) | Self::TopUp(_) | Self::Charge(_) => None,
        }
    }
}
