//! Comma-separated values, one row a posting: RFC 4180, by the `csv` crate.

use std::{borrow::Cow, io};

use super::{Sheet, book::postings, description, kind};
use crate::{
    audit::{Found, TrialBalance},
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

pub(super) struct Csv<'w> {
    out: csv::Writer<&'w mut (dyn io::Write + Send)>,
}

impl<'w> Csv<'w> {
    pub(super) fn new(out: &'w mut (dyn io::Write + Send)) -> Self {
        Self { out: csv::Writer::from_writer(out) }
    }
}

impl Sheet for Csv<'_> {
    fn begin(&mut self) -> io::Result<()> {
        Ok(self.out.write_record(COLUMNS)?)
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

    fn account(&mut self, _: &Found) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, _: &[TrialBalance]) -> io::Result<()> {
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
