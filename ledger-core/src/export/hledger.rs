//! hledger's journal format.

use std::{collections::BTreeSet, io};

use super::{
    Period, Sheet, Standing,
    book::{self, digits, negative, padded, postings, quoted},
    day, kind,
};
use crate::{
    audit::TrialBalance,
    domain::{
        account::Event,
        chart::{Leg, SubAccount},
        entry::Movement,
        ids::AccountId,
        money::Money,
    },
    journal::stream::StoredEvent,
};

pub(super) struct Hledger<'w> {
    out: &'w mut (dyn io::Write + Send),
    period: Period,
    /// Declared behind the entries, so that `hledger check --strict` knows them.
    platform: BTreeSet<String>,
    currencies: BTreeSet<String>,
}

impl<'w> Hledger<'w> {
    pub(super) fn new(out: &'w mut (dyn io::Write + Send), period: Period) -> Self {
        Self { out, period, platform: BTreeSet::new(), currencies: BTreeSet::new() }
    }

    fn declare(&mut self, account: AccountId) -> io::Result<()> {
        writeln!(self.out, "\naccount {}", book::customer(account))?;
        for part in [SubAccount::Main, SubAccount::Held] {
            writeln!(self.out, "account {}", book::name(Leg::Customer(part), account))?;
        }
        Ok(())
    }
}

impl Sheet for Hledger<'_> {
    fn begin(&mut self, sums: &[TrialBalance]) -> io::Result<()> {
        let last = self.period.last.format("%Y-%m-%d %H:%M:%S UTC");
        writeln!(self.out, "; The ledger's journal as of {last}.")?;
        writeln!(
            self.out,
            "; The code of an entry is its id. Entries `balance` assert what the ledger says."
        )?;
        let Some(from) = self.period.from else { return Ok(()) };
        for sums in sums {
            writeln!(self.out, "\n{} * opening balance", day(from))?;
            let currency = quoted(&sums.currency);
            for (name, opening, _) in book::platform(sums).filter(|(_, opening, _)| *opening != "0") {
                writeln!(self.out, "    {name}  {} {currency}", padded(opening))?;
                writeln!(self.out, "    {}  {} {currency}", book::OPENING, padded(&negative(opening)))?;
                self.platform.insert(name);
            }
            self.platform.insert(book::OPENING.to_owned());
            self.currencies.insert(sums.currency.clone());
        }
        Ok(())
    }

    fn opening(&mut self, opening: &Standing) -> io::Result<()> {
        let Some(from) = self.period.from else { return Ok(()) };
        self.declare(opening.account)?;
        writeln!(self.out, "\n{} * opening balance", day(from))?;
        let currency = quoted(&opening.currency);
        for (part, sum) in [(SubAccount::Main, opening.main()), (SubAccount::Held, opening.held)] {
            let name = book::name(Leg::Customer(part), opening.account);
            writeln!(self.out, "    {name}  {} {currency}", digits(-sum))?;
        }
        writeln!(self.out, "    {}  {} {currency}", book::OPENING, digits(opening.total))
    }

    fn entry(&mut self, stored: &StoredEvent, event: &Event) -> io::Result<()> {
        if stored.sequence == 1 {
            self.declare(stored.account)?;
        }
        let entry = event.entry();
        if entry.movements.is_empty() {
            return Ok(());
        }
        let at = self.period.date(entry.effective_at);
        writeln!(self.out, "\n{} * ({}) {}", day(at), stored.id(), kind(stored))?;
        if at != entry.effective_at {
            writeln!(self.out, "    ; effective: {}", day(entry.effective_at))?;
        }
        for Movement { debit, credit, amount } in &entry.movements {
            for (name, sum) in postings(stored.account, *debit, *credit, *amount) {
                writeln!(self.out, "    {name}  {} {}", digits(sum), quoted(&stored.currency))?;
            }
            for leg in [debit, credit] {
                if let Leg::Platform(account) = leg {
                    self.platform.insert(book::platform_name(*account));
                }
            }
        }
        self.currencies.insert(stored.currency.clone());
        Ok(())
    }

    fn closing(&mut self, closing: &Standing) -> io::Result<()> {
        let currency = quoted(&closing.currency);
        let zero = format!("{} {currency}", digits(Money::ZERO));
        writeln!(self.out, "\n{} * balance", day(self.period.last))?;
        // `=*` takes in the parts of the account: main, held, and whatever else it has.
        let whole = book::customer(closing.account);
        writeln!(self.out, "    {whole}  {zero} =* {} {currency}", digits(-closing.total))?;
        let part = book::name(Leg::Customer(SubAccount::Held), closing.account);
        writeln!(self.out, "    {part}  {zero} = {} {currency}", digits(-closing.held))?;
        self.currencies.insert(closing.currency.clone());
        Ok(())
    }

    fn end(&mut self, sums: &[TrialBalance]) -> io::Result<()> {
        writeln!(self.out)?;
        for currency in &self.currencies {
            writeln!(self.out, "commodity 1.000000000000 {}", quoted(currency))?;
        }
        for account in &self.platform {
            writeln!(self.out, "account {account}")?;
        }
        for sums in sums {
            writeln!(self.out, "\n{} * balance", day(self.period.last))?;
            let (currency, zero) = (quoted(&sums.currency), digits(Money::ZERO));
            for (name, _, balance) in book::platform(sums) {
                writeln!(self.out, "    {name}  {zero} {currency} = {} {currency}", padded(balance))?;
            }
            if self.period.from.is_some() {
                writeln!(self.out, "    {}  {zero} {currency} = {zero} {currency}", book::OPENING)?;
            }
        }
        self.out.flush()
    }
}
