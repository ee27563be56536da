//! Comma-separated values, one row a posting: RFC 4180, by the `csv` crate.

use std::{borrow::Cow, io};

use super::{
    Period, Sheet, Standing,
    book::{self, postings},
    description, kind,
};
use crate::{
    audit::TrialBalance,
    domain::{account::Event, entry::Movement},
    journal::stream::StoredEvent,
};

const COLUMNS: [&str; 13] = [
    "entry_id",
    "account_id",
    "sequence",
    "type",
    "effective_at",
    "recorded_at",
    "movement",
    "account",
    "amount",
    "currency",
    "refers_to",
    "reference",
    "description",
];

/// In the column `type`, where an entry has its kind.
const OPENING: &str = "opening";
const CLOSING: &str = "closing";

pub(super) struct Csv<'w> {
    out: csv::Writer<&'w mut (dyn io::Write + Send)>,
    period: Period,
}

impl<'w> Csv<'w> {
    pub(super) fn new(out: &'w mut (dyn io::Write + Send), period: Period) -> Self {
        Self { out: csv::Writer::from_writer(out), period }
    }

    /// What stands on an account at one end of the period. Signed as postings are: debits are positive.
    fn standing(
        &mut self,
        kind: &str,
        of: Option<&Standing>,
        name: &str,
        sum: &str,
        currency: &str,
    ) -> io::Result<()> {
        let at = if kind == OPENING { self.period.from } else { Some(self.period.last) };
        let at = at.map(|at| at.to_rfc3339()).unwrap_or_default();
        let account = of.map(|of| of.account.to_string()).unwrap_or_default();
        let version = of.map(|of| of.version.to_string()).unwrap_or_default();
        let row = ["", &account, &version, kind, &at, &at, "", name, sum, currency, "", "", ""];
        Ok(self.out.write_record(row)?)
    }
}

impl Sheet for Csv<'_> {
    fn begin(&mut self, sums: &[TrialBalance]) -> io::Result<()> {
        self.out.write_record(COLUMNS)?;
        if self.period.from.is_some() {
            for sums in sums {
                for (name, opening, _) in book::platform(sums) {
                    self.standing(OPENING, None, &name, opening, &sums.currency)?;
                }
            }
        }
        Ok(())
    }

    fn opening(&mut self, opening: &Standing) -> io::Result<()> {
        let (name, sum) = (book::customer(opening.account), (-opening.total).to_string());
        self.standing(OPENING, Some(opening), &name, &sum, &opening.currency)
    }

    fn entry(&mut self, stored: &StoredEvent, event: &Event) -> io::Result<()> {
        let entry = event.entry();
        let refers_to = event.refers_to().map(|original| original.to_string()).unwrap_or_default();
        let reference =
            event.shape().reference.map(|reference| inert(reference.as_str())).unwrap_or_default();
        let description = description(stored).unwrap_or_default();
        for (idx, Movement { debit, credit, amount }) in (1..).zip(&entry.movements) {
            for (name, sum) in postings(stored.account, *debit, *credit, *amount) {
                self.out.write_record([
                    &stored.id().to_string(),
                    &stored.account.to_string(),
                    &stored.sequence.to_string(),
                    kind(stored),
                    &entry.effective_at.to_rfc3339(),
                    &stored.recorded_at.to_rfc3339(),
                    &i32::to_string(&idx),
                    &name,
                    &sum.to_string(),
                    &stored.currency,
                    &refers_to,
                    &reference,
                    &inert(&description),
                ])?;
            }
        }
        Ok(())
    }

    fn closing(&mut self, closing: &Standing) -> io::Result<()> {
        if self.period.is_bounded {
            let (name, sum) = (book::customer(closing.account), (-closing.total).to_string());
            self.standing(CLOSING, Some(closing), &name, &sum, &closing.currency)?;
        }
        Ok(())
    }

    fn end(&mut self, sums: &[TrialBalance]) -> io::Result<()> {
        if self.period.is_bounded {
            for sums in sums {
                for (name, _, balance) in book::platform(sums) {
                    self.standing(CLOSING, None, &name, balance, &sums.currency)?;
                }
            }
        }
        self.out.flush()
    }
}

/// A spreadsheet runs what starts like a formula. Callers wrote these texts, so none of them may.
fn inert(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_a_formula() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)"] {
            assert_eq!(inert(text), format!("'{text}"));
        }
        assert_eq!(inert("a=1"), "a=1");
    }
}
