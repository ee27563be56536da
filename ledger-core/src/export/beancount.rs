//! beancount's format. beancount sorts by day, so an account may be opened behind its entries, on the day of the first.

use std::{collections::BTreeMap, io};

use chrono::TimeDelta;

use super::{
    Period, Sheet, Standing,
    book::{self, digits, negative, padded, postings},
    day, kind,
};
use crate::{
    audit::TrialBalance,
    domain::{
        account::Event,
        chart::{Leg, SubAccount},
        entry::{Movement, Timestamp},
    },
    journal::stream::StoredEvent,
};

pub(super) struct Beancount<'w> {
    out: &'w mut (dyn io::Write + Send),
    period: Period,
    /// beancount asserts at the start of a day: the one after the last entry.
    asserted_at: Timestamp,
    /// When the account at hand, and each of the platform's, was first used.
    customer_since: Option<Timestamp>,
    platform_since: BTreeMap<String, Timestamp>,
}

impl<'w> Beancount<'w> {
    pub(super) fn new(out: &'w mut (dyn io::Write + Send), period: Period) -> Self {
        let asserted_at = period.last + TimeDelta::days(1);
        Self { out, period, asserted_at, customer_since: None, platform_since: BTreeMap::new() }
    }

    fn platform_used(&mut self, name: String, at: Timestamp) {
        let since = self.platform_since.entry(name).or_insert(at);
        *since = at.min(*since);
    }
}

impl Sheet for Beancount<'_> {
    fn begin(&mut self, sums: &[TrialBalance]) -> io::Result<()> {
        writeln!(self.out, "; Each `balance` asserts what the ledger says, to the last digit.")?;
        writeln!(self.out, "option \"title\" \"Ledger\"")?;
        let Some(from) = self.period.from else { return Ok(()) };
        for sums in sums {
            writeln!(self.out, "\n{} * \"opening balance\"", day(from))?;
            let currency = &sums.currency;
            for (name, opening, _) in book::platform(sums).filter(|(_, opening, _)| *opening != "0") {
                writeln!(self.out, "  {name}  {} {currency}", padded(opening))?;
                writeln!(self.out, "  {}  {} {currency}", book::OPENING, padded(&negative(opening)))?;
                self.platform_used(name, from);
            }
            self.platform_used(book::OPENING.to_owned(), from);
        }
        Ok(())
    }

    fn opening(&mut self, opening: &Standing) -> io::Result<()> {
        let Some(from) = self.period.from else { return Ok(()) };
        self.customer_since = Some(from);
        writeln!(self.out, "\n{} * \"opening balance\"", day(from))?;
        for (part, sum) in [(SubAccount::Main, opening.main()), (SubAccount::Held, opening.held)] {
            let name = book::name(Leg::Customer(part), opening.account);
            writeln!(self.out, "  {name}  {} {}", digits(-sum), opening.currency)?;
        }
        writeln!(self.out, "  {}  {} {}", book::OPENING, digits(opening.total), opening.currency)
    }

    fn entry(&mut self, stored: &StoredEvent, event: &Event) -> io::Result<()> {
        let entry = event.entry();
        let at = self.period.date(entry.effective_at);
        self.customer_since = self.customer_since.map_or(Some(at), |since| Some(since.min(at)));
        if entry.movements.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "\n{} * \"{}\" ^{}", day(at), kind(stored), stored.id())?;
        if at != entry.effective_at {
            writeln!(self.out, "  effective: {}", day(entry.effective_at))?;
        }
        if let Some(original) = event.refers_to() {
            writeln!(self.out, "  refers-to: \"{original}\"")?;
        }
        for Movement { debit, credit, amount } in &entry.movements {
            for (name, sum) in postings(stored.account, *debit, *credit, *amount) {
                writeln!(self.out, "  {name}  {} {}", digits(sum), stored.currency)?;
            }
            for leg in [debit, credit] {
                if let Leg::Platform(account) = leg {
                    self.platform_used(book::platform_name(*account), at);
                }
            }
        }
        Ok(())
    }

    fn closing(&mut self, closing: &Standing) -> io::Result<()> {
        let Some(since) = self.customer_since.take() else { return Ok(()) };
        let (account, currency) = (closing.account, &closing.currency);
        let whole = book::customer(account);
        let [main, part] =
            [SubAccount::Main, SubAccount::Held].map(|part| book::name(Leg::Customer(part), account));
        writeln!(self.out)?;
        for name in [&whole, &main, &part] {
            writeln!(self.out, "{} open {name} {currency}", day(since))?;
        }
        // The account's balance takes in its parts.
        for (name, sum) in [(whole, -closing.total), (part, -closing.held)] {
            writeln!(self.out, "{} balance {name}  {} ~ 0 {currency}", day(self.asserted_at), digits(sum))?;
        }
        Ok(())
    }

    fn end(&mut self, sums: &[TrialBalance]) -> io::Result<()> {
        writeln!(self.out)?;
        for (name, since) in &self.platform_since {
            writeln!(self.out, "{} open {name}", day(*since))?;
        }
        let at = day(self.asserted_at);
        for sums in sums {
            let currency = &sums.currency;
            for (name, _, balance) in book::platform(sums) {
                writeln!(self.out, "{at} balance {name}  {} ~ 0 {currency}", padded(balance))?;
            }
            if self.period.from.is_some() {
                writeln!(self.out, "{at} balance {}  {} ~ 0 {currency}", book::OPENING, padded("0"))?;
            }
        }
        self.out.flush()
    }
}
