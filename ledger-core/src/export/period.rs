//! The ends of what is exported: where an account stands when the period begins, and when it ends.

use chrono::{DateTime, TimeDelta};

use crate::{
    audit::{Difference, Found, Selection},
    auditor::AuditorError,
    domain::{account::Event, entry::Timestamp, ids::AccountId, money::Money},
    journal::stream::StoredEvent,
};

/// The time that is exported.
#[derive(Clone, Copy)]
pub(super) struct Period {
    pub(super) from: Option<Timestamp>,
    /// The first moment behind it; `None` when it goes on until now.
    to: Option<Timestamp>,
    /// The last moment in it.
    pub(super) last: Timestamp,
    /// Whether there is a start or an end to it.
    pub(super) is_bounded: bool,
}

/// A customer's account at one end of the period.
pub(super) struct Standing {
    pub(super) account: AccountId,
    pub(super) currency: String,
    /// The sequence of the last entry before.
    pub(super) version: u64,
    pub(super) total: Money,
    pub(super) held: Money,
}

impl Period {
    pub(super) fn new(selection: &Selection, as_of: Timestamp) -> Self {
        let Selection { from, to, .. } = *selection;
        let is_bounded = from.is_some() || to.is_some();
        let to = to.map(|to| to.max(DateTime::UNIX_EPOCH)).filter(|to| *to <= as_of);
        let last = to.map_or(as_of, |to| to - TimeDelta::microseconds(1));
        Self { from, to, last, is_bounded }
    }

    /// Whether it lies before the start, and so in the opening balance.
    pub(super) fn is_before(&self, stored: &StoredEvent) -> bool {
        self.from.is_some_and(|from| stored.recorded_at < from)
    }

    /// The time under which the entry stands in the books: the one that it counts for, but not before the period begins.
    pub(super) fn date(&self, effective_at: Timestamp) -> Timestamp {
        self.from.map_or(effective_at, |from| from.max(effective_at))
    }

    /// Where the account stands at the end; `None` when it was not open then.
    pub(super) fn closing(&self, found: &Found) -> Result<Option<Standing>, AuditorError> {
        if self.to.is_some() {
            // The row is as of now. At another moment there is what the last entry says.
            let (account, version) = (&found.stream.account, found.version());
            let currency = account.holder.map(|holder| holder.currency.to_string());
            return Ok(currency.map(|currency| Standing {
                account: found.id,
                currency,
                version,
                total: account.balances.balance(),
                held: account.balances.held,
            }));
        }
        match &found.row {
            Some(Ok(stored)) => Ok(Some(Standing {
                account: found.id,
                currency: stored.currency.to_string(),
                version: stored.row.balance_version,
                total: stored.row.balance,
                held: stored.row.frozen_balance,
            })),
            Some(Err(reason)) => Err(AuditorError::Unsound(Difference::Unreadable {
                account: found.id,
                reason: reason.clone(),
            })),
            None => Err(AuditorError::Unsound(Difference::Missing { account: found.id })),
        }
    }
}

impl Standing {
    /// Where an entry leaves its account.
    pub(super) fn after(stored: &StoredEvent, event: &Event) -> Self {
        let after = &event.entry().after;
        Self {
            account: stored.account,
            currency: stored.currency.clone(),
            version: stored.sequence,
            total: after.balance(),
            held: after.held,
        }
    }

    /// What is not held.
    pub(super) fn main(&self) -> Money {
        self.total.checked_sub(self.held).expect("an entry that was proved has its parts in range")
    }
}
