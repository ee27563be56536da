//! beancount's format. beancount sorts by day, so an account may be opened behind its entries, on the day of the first.

use std::{collections::BTreeMap, io};

use chrono::TimeDelta;

use super::{
    Sheet,
    book::{self, digits, padded, postings},
    day, kind,
};
use crate::{
    audit::{Found, TrialBalance, TrialLine},
    domain::{
        account::Event,
        chart::{Leg, SubAccount},
        entry::{Movement, Timestamp},
    },
    journal::stream::StoredEvent,
};

pub(super) struct Beancount<'w> {
    out: &'w mut (dyn io::Write + Send),
    /// beancount asserts at the start of a day: the one after the last entry.
    asserted_at: Timestamp,
    /// When the account at hand, and each of the platform's, was first used.
    customer_since: Option<Timestamp>,
    platform_since: BTreeMap<String, Timestamp>,
}

impl<'w> Beancount<'w> {
    pub(super) fn new(out: &'w mut (dyn io::Write + Send), as_of: Timestamp) -> Self {
        let asserted_at = as_of + TimeDelta::days(1);
        Self { out, asserted_at, customer_since: None, platform_since: BTreeMap::new() }
    }
}

impl Sheet for Beancount<'_> {
    fn begin(&mut self) -> io::Result<()> {
        writeln!(self.out, "; Each `balance` asserts what the ledger says, to the last digit.")?;
        writeln!(self.out, "option \"title\" \"Ledger\"")
    }

    fn entry(&mut self, stored: &StoredEvent, event: &Event) -> io::Result<()> {
        let entry = event.entry();
        let at = entry.effective_at;
        self.customer_since = self.customer_since.map_or(Some(at), |since| Some(since.min(at)));
        if entry.movements.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "\n{} * \"{}\" ^{}", day(at), kind(stored), stored.id())?;
        if let Some(original) = event.refers_to() {
            writeln!(self.out, "  refers-to: \"{original}\"")?;
        }
        for Movement { debit, credit, amount } in &entry.movements {
            for (name, sum) in postings(stored.account, *debit, *credit, *amount) {
                writeln!(self.out, "  {name}  {} {}", digits(sum), stored.currency)?;
            }
            for leg in [debit, credit] {
                if let Leg::Platform(account) = leg {
                    let since = self.platform_since.entry(book::platform_name(*account)).or_insert(at);
                    *since = at.min(*since);
                }
            }
        }
        Ok(())
    }

    fn account(&mut self, found: &Found) -> io::Result<()> {
        let since = self.customer_since.take();
        let (Some(since), Some(Ok(balance))) = (since, &found.row) else { return Ok(()) };
        let currency = book::text(balance.currency);
        let (total, held) = (balance.row.balance, balance.row.frozen_balance);
        let whole = book::customer(found.id);
        let [main, part] =
            [SubAccount::Main, SubAccount::Held].map(|part| book::name(Leg::Customer(part), found.id));
        writeln!(self.out)?;
        for name in [&whole, &main, &part] {
            writeln!(self.out, "{} open {name} {currency}", day(since))?;
        }
        // The account's balance takes in its parts.
        for (name, sum) in [(whole, -total), (part, -held)] {
            writeln!(self.out, "{} balance {name}  {} ~ 0 {currency}", day(self.asserted_at), digits(sum))?;
        }
        Ok(())
    }

    fn end(&mut self, sums: &[TrialBalance]) -> io::Result<()> {
        writeln!(self.out)?;
        for (name, since) in &self.platform_since {
            writeln!(self.out, "{} open {name}", day(*since))?;
        }
        for TrialBalance { currency, lines, .. } in sums {
            for TrialLine { account, balance, .. } in lines {
                if let Ok(Leg::Platform(account)) = account.parse() {
                    let (at, name) = (day(self.asserted_at), book::platform_name(account));
                    writeln!(self.out, "{at} balance {name}  {} ~ 0 {currency}", padded(balance))?;
                }
            }
        }
        self.out.flush()
    }
}
