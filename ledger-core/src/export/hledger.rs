//! hledger's journal format.

use std::{collections::BTreeSet, io};

use super::{
    Sheet,
    book::{self, digits, padded, postings, quoted},
    day, kind,
};
use crate::{
    audit::{Found, TrialBalance, TrialLine},
    domain::{
        account::Event,
        chart::{Leg, SubAccount},
        entry::{Movement, Timestamp},
        ids::AccountId,
        money::Money,
    },
    journal::stream::StoredEvent,
};

pub(super) struct Hledger<'w> {
    out: &'w mut (dyn io::Write + Send),
    as_of: Timestamp,
    /// Declared behind the entries, so that `hledger check --strict` knows them.
    platform: BTreeSet<String>,
    currencies: BTreeSet<String>,
}

impl<'w> Hledger<'w> {
    pub(super) fn new(out: &'w mut (dyn io::Write + Send), as_of: Timestamp) -> Self {
        Self { out, as_of, platform: BTreeSet::new(), currencies: BTreeSet::new() }
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
    fn begin(&mut self) -> io::Result<()> {
        writeln!(self.out, "; The ledger's journal as of {}.", self.as_of.format("%Y-%m-%d %H:%M:%S UTC"))?;
        writeln!(self.out, "; The code of an entry is its id. Entries `balance` assert what the ledger says.")
    }

    fn entry(&mut self, stored: &StoredEvent, event: &Event) -> io::Result<()> {
        if stored.sequence == 1 {
            self.declare(stored.account)?;
        }
        let entry = event.entry();
        if entry.movements.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "\n{} * ({}) {}", day(entry.effective_at), stored.id(), kind(stored))?;
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

    fn account(&mut self, found: &Found) -> io::Result<()> {
        let Some(Ok(balance)) = &found.row else { return Ok(()) };
        let (total, held) = (balance.row.balance, balance.row.frozen_balance);
        let currency = book::text(balance.currency);
        let zero = format!("{} {}", digits(Money::ZERO), quoted(&currency));
        writeln!(self.out, "\n{} * balance", day(self.as_of))?;
        // `=*` takes in the parts of the account: main, held, and whatever else it has.
        let whole = book::customer(found.id);
        writeln!(self.out, "    {whole}  {zero} =* {} {}", digits(-total), quoted(&currency))?;
        let part = book::name(Leg::Customer(SubAccount::Held), found.id);
        writeln!(self.out, "    {part}  {zero} = {} {}", digits(-held), quoted(&currency))?;
        self.currencies.insert(currency);
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
        for TrialBalance { currency, lines, .. } in sums {
            writeln!(self.out, "\n{} * balance", day(self.as_of))?;
            let currency = quoted(currency);
            for TrialLine { account, balance, .. } in lines {
                if let Ok(Leg::Platform(account)) = account.parse() {
                    let name = book::platform_name(account);
                    let zero = digits(Money::ZERO);
                    writeln!(self.out, "    {name}  {zero} {currency} = {} {currency}", padded(balance))?;
                }
            }
        }
        self.out.flush()
    }
}
