//! The journal for other people's tools: hledger, beancount, spreadsheets, programs.
//!
//! hledger and beancount sum all by themselves. So each export ends every account with an assertion of *our* balance, taken
//! from the balance row, or from what the last entry states, or from the database's own sums, and never added up from the
//! entries just written: the other tool then checks us, and not only itself.

mod beancount;
mod book;
mod csv;
mod hledger;
mod json_lines;
mod period;

use std::{fmt, io, str::FromStr};

use serde::Serialize;

use self::{
    beancount::Beancount,
    csv::Csv,
    hledger::Hledger,
    json_lines::JsonLines,
    period::{Period, Standing},
};
use crate::{
    audit::{Selection, Step, TrialBalance, Walk, trial_balances},
    auditor::{Auditor, AuditorError},
    domain::{account::Event, entry::Timestamp, limits::Note},
    journal::stream::StoredEvent,
};

/// What an export is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A journal for hledger.
    Hledger,
    /// A ledger for beancount.
    Beancount,
    /// One row a posting, for spreadsheets.
    Csv,
    /// JSON lines: one entry a line, for programs.
    #[serde(rename = "jsonl")]
    JsonLines,
}

/// How much was exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Accounts.
    pub accounts: u64,
    /// Entries, with those that move nothing.
    pub entries: u64,
}

impl Auditor {
    /// Writes the books, or a part of them, as they stand at one moment: account by account, in constant memory. The same
    /// journal is always written the same, but for the day of the closing assertions of books that are still open.
    ///
    /// A period has a line for what each account brings into it, and one for what it takes out; everything from the first entry
    /// on is read and proved all the same.
    ///
    /// # Errors
    /// [`AuditorError::Broken`] at the first entry that does not hold, and [`AuditorError::Unsound`] for an account without a
    /// balance row that can be read: what was written until then is no export.
    pub async fn export(
        &self,
        format: Format,
        selection: &Selection,
        out: &mut (dyn io::Write + Send),
    ) -> Result<Exported, AuditorError> {
        let (mut tx, as_of) = self.snapshot().await?;
        let sums = trial_balances(&mut tx, selection).await?.map_err(AuditorError::NoSums)?;
        let period = Period::new(selection, as_of);
        let mut sheet: Box<dyn Sheet + Send + '_> = match format {
            Format::Hledger => Box::new(Hledger::new(out, period)),
            Format::Beancount => Box::new(Beancount::new(out, period)),
            Format::Csv => Box::new(Csv::new(out, period)),
            Format::JsonLines => Box::new(JsonLines::new(out, period)),
        };
        let (mut exported, mut brought) = (Exported::default(), None);
        let mut walk = Walk::start(&mut tx, selection, &*self.watch).await?;
        sheet.begin(&sums)?;
        while let Some(step) = walk.next().await? {
            match step {
                Step::Entry(stored, event) if period.is_before(&stored) => {
                    brought = Some(Standing::after(&stored, &event));
                }
                Step::Entry(stored, event) => {
                    brought.take().map_or(Ok(()), |opening| sheet.opening(&opening))?;
                    sheet.entry(&stored, &event)?;
                    exported.entries += 1;
                }
                Step::Break(_, broken) => return Err(broken.into()),
                Step::Account(found) => {
                    brought.take().map_or(Ok(()), |opening| sheet.opening(&opening))?;
                    if let Some(closing) = period.closing(&found)? {
                        sheet.closing(&closing)?;
                        exported.accounts += 1;
                    }
                }
            }
        }
        sheet.end(&sums)?;
        Ok(exported)
    }
}

/// One way to write.
trait Sheet {
    /// The start, with what the platform's accounts bring into the period.
    fn begin(&mut self, sums: &[TrialBalance]) -> io::Result<()>;
    /// What an account brings into the period, before its entries.
    fn opening(&mut self, opening: &Standing) -> io::Result<()>;
    /// An entry, in the order of accounts and sequences.
    fn entry(&mut self, stored: &StoredEvent, event: &Event) -> io::Result<()>;
    /// What an account takes out of the period, behind its entries.
    fn closing(&mut self, closing: &Standing) -> io::Result<()>;
    /// The end, with what the platform's accounts take out of the period.
    fn end(&mut self, sums: &[TrialBalance]) -> io::Result<()>;
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Hledger, Self::Beancount, Self::Csv, Self::JsonLines];

    /// Its name, as [`FromStr`] reads it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hledger => "hledger",
            Self::Beancount => "beancount",
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The text names no format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a format is hledger, beancount, csv or jsonl")]
pub struct FormatError;

impl FromStr for Format {
    type Err = FormatError;
    fn from_str(text: &str) -> Result<Self, FormatError> {
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or(FormatError)
    }
}

/// What kind of entry it is, such as `charged`.
fn kind(stored: &StoredEvent) -> &str {
    stored.event_type.strip_prefix("account.").unwrap_or(&stored.event_type)
}

/// The caller's description, as long as it is not erased.
fn description(stored: &StoredEvent) -> Option<String> {
    let note = stored.note.as_deref().and_then(|note| Note::unsalted(note).ok());
    note.and_then(|note| note.description)
}

/// The day that it counts for, in UTC.
fn day(at: Timestamp) -> impl fmt::Display {
    at.format("%Y-%m-%d")
}
