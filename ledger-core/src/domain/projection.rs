//! From an account to its balance row: one function, used by the append and by the replay that checks it.

use crate::domain::{account::Account, entry::Timestamp, ids::Owner, money::Money};

/// The columns of `account_balances` that follow from the account's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BalanceRow {
    /// Whose account it is.
    pub owner: Owner,
    /// main + held + live grants.
    pub balance: Money,
    /// What holds have set aside.
    pub frozen_balance: Money,
    /// What the customer owes.
    pub outstanding_amount: Money,
    /// Live promotional grants.
    pub free_credit: Money,
    /// How far below zero it may go.
    pub credit_limit: Money,
    /// The part below the floor that forced entries made.
    pub forced_debt: Money,
    /// When it was last charged.
    pub last_charged_at: Option<Timestamp>,
    /// The sequence of its last event.
    pub balance_version: u64,
}

impl BalanceRow {
    /// The row of an account; `None` while it is not open.
    #[must_use]
    pub fn of(account: &Account) -> Option<Self> {
        let balances = &account.balances;
        Some(Self {
            owner: account.holder?.owner,
            balance: balances.balance(),
            frozen_balance: balances.held,
            outstanding_amount: balances.outstanding(),
            free_credit: balances.free_credit,
            credit_limit: balances.credit_limit,
            forced_debt: balances.forced_debt,
            last_charged_at: account.last_charged_at,
            balance_version: account.version,
        })
    }
}
