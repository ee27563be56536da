//! A part of the books: a period, an account, an owner, a currency.

use chrono::DateTime;

use crate::domain::{
    entry::Timestamp,
    ids::{AccountId, RealmId},
    money::Currency,
};

/// Which part of the books is asked for. By default all of them.
///
/// An entry is in a period by the time at which it was recorded: that never changes, so a period that is over stays as it is, and
/// what closes one opens the next. An entry that counts for an earlier time is in the period in which it was recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// What was recorded at this moment or later. What was before is in the opening balances.
    pub from: Option<Timestamp>,
    /// What was recorded before this moment.
    pub to: Option<Timestamp>,
    /// Of this account.
    pub account: Option<AccountId>,
    /// Of accounts of this owner: the id of a tenant, or of a user without one.
    pub owner: Option<RealmId>,
    /// Of accounts in this currency.
    pub currency: Option<Currency>,
}

impl Selection {
    /// As a `where` over `events`, without the start: what was before it is needed for the opening balances.
    pub(super) fn of_events(&self) -> String {
        self.clause("aggregate_id", true)
    }

    /// The same over `postings`.
    pub(super) fn of_postings(&self) -> String {
        self.clause("account_id", true)
    }

    /// The same over `account_balances`, which know no times.
    pub(super) fn of_rows(&self) -> String {
        self.clause("account_id", false)
    }

    // Ids, currencies and times have no character that SQL could take for its own.
    fn clause(&self, account_column: &str, has_times: bool) -> String {
        let to = self.to.filter(|_| has_times).map(|to| format!("recorded_at < {}", literal(to)));
        let account = self.account.map(|account| format!("{account_column} = '{account}'"));
        let owner = self.owner.map(|realm| format!("realm_id = '{realm}'"));
        let currency = self.currency.map(|currency| format!("currency = '{currency}'"));
        let conditions: Vec<_> = [to, account, owner, currency].into_iter().flatten().collect();
        if conditions.is_empty() { String::new() } else { format!("where {}", conditions.join(" and ")) }
    }
}

/// A time in SQL. What is before 1970 is before everything that is recorded.
pub(super) fn literal(time: Timestamp) -> String {
    let micros = time.max(DateTime::UNIX_EPOCH).timestamp_micros();
    format!("(timestamptz 'epoch' + interval '{micros} microseconds')")
}
