//! What a walk has found of one account: its stream, proved entry by entry, beside its balance row.

use sqlx::{FromRow, postgres::PgRow};

use super::Difference;
use crate::{
    domain::{
        account::{Event, Holder, Opened},
        chain::{Hash, digest_note},
        ids::{AccountId, Owner, RealmId},
        projection::BalanceRow,
    },
    journal::{
        columns::StoredRow,
        stream::{BrokenStream, StoredEvent, Stream},
    },
};

/// What the walk comes by, in the order of accounts, and in each account in the order of its stream.
pub(crate) enum Step {
    /// An entry that was proved to follow.
    Entry(StoredEvent, Event),
    /// A place where the stream does not hold. The walk goes on behind it, from what is stored there.
    Break(Flaw, BrokenStream),
    /// The end of an account.
    Account(Found),
}

/// What was found of one account.
pub(crate) struct Found {
    pub(crate) id: AccountId,
    /// The id as the journal spells it.
    pub(super) text: String,
    /// How many entries are stored, whether they hold or not.
    pub(crate) entries: u64,
    /// The stream up to its end. Behind a break it stands on what is stored there.
    pub(crate) stream: Stream,
    /// The first break.
    pub(crate) broken: Option<BrokenStream>,
    /// Whether the last entry could not be read, so that there is nothing to prove the next one against.
    lost: bool,
    /// The balance row, or why it cannot be read.
    pub(crate) row: Option<Result<StoredRow, String>>,
}

/// In what way a stream breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// An entry is missing.
    Gap,
    /// An entry, or its note, is not the one that was sealed.
    Chain,
    /// An entry does not follow from the ones before it.
    Fold,
}

impl Found {
    pub(super) fn new(text: String, row: Option<&PgRow>) -> Self {
        // A text that is no id was never written by us: its entries break at the first one, which says so.
        let id = text.parse().unwrap_or_default();
        let stream = Stream::new(id);
        Self { id, text, entries: 0, stream, broken: None, lost: false, row: None }.with_row(row)
    }

    /// The same with the row as it is by now.
    pub(super) fn with_row(self, row: Option<&PgRow>) -> Self {
        let row = row.map(|row| StoredRow::from_row(row).map_err(|error| error.to_string()));
        Self { row, ..self }
    }

    /// Sees the last entry that was proved once more. Nothing but that very one may stand there.
    pub(super) fn recognize(&mut self, row: Option<&PgRow>) {
        let (account, sequence) = (self.id, self.version());
        let hash = row.and_then(|row| StoredEvent::from_row(row).ok()).map(|stored| stored.hash);
        if self.broken.is_none() && hash != Some(self.stream.head) {
            let reason = "it was changed while it was read".to_owned();
            self.broken = Some(BrokenStream { account, sequence, reason });
        }
    }

    /// Takes in the next stored entry. `None` when there is nothing that it could be proved against.
    pub(super) fn follow(&mut self, row: &PgRow) -> Option<Step> {
        self.entries += 1;
        let sequence = self.version() + 1;
        let stored = match StoredEvent::from_row(row) {
            Ok(stored) => stored,
            Err(error) => {
                self.lost = true;
                let reason = format!("it is stored as {:?} and cannot be read: {error}", self.text);
                return Some(self.break_at(Flaw::Fold, BrokenStream { account: self.id, sequence, reason }));
            }
        };
        if self.lost {
            self.lost = !self.resume(&stored);
            return None;
        }
        match self.stream.follow(&stored) {
            Ok(event) => Some(Step::Entry(stored, event)),
            Err(broken) => {
                let flaw = Flaw::of(&stored, sequence, &self.stream.head);
                self.lost = !self.resume(&stored);
                Some(self.break_at(flaw, broken))
            }
        }
    }

    fn break_at(&mut self, flaw: Flaw, broken: BrokenStream) -> Step {
        self.broken.get_or_insert_with(|| broken.clone());
        Step::Break(flaw, broken)
    }

    /// Takes the entry for what it says of itself, so that what is behind it is proved from there. Whether that is possible.
    fn resume(&mut self, stored: &StoredEvent) -> bool {
        let Ok(event) = stored.event() else { return false };
        let entry = event.entry();
        // No movement and any floor: only whether the sums are in range.
        if entry.after.after(&[], true).is_none() {
            return false;
        }
        let Stream { account, head, recorded_at, .. } = &mut self.stream;
        (*head, *recorded_at) = (stored.hash, stored.recorded_at);
        let row = self.row.as_ref().and_then(|row| row.as_ref().ok());
        let by_row = row.map(|row| Holder { owner: row.row.owner, currency: row.currency });
        account.holder = account.holder.or(by_row);
        match &event {
            Event::Opened(Opened { owner, currency, .. }) => {
                account.holder = Some(Holder { owner: *owner, currency: *currency });
            }
            Event::Charged(_) => account.last_charged_at = Some(entry.at),
            Event::ToppedUp(_) | Event::Refunded(_) | Event::TopUpRefunded(_) | Event::ChargedBack(_) => {}
        }
        (account.balances, account.at, account.version) = (entry.after, Some(entry.at), stored.sequence);
        true
    }

    /// The sequence of the last entry that was read.
    pub(crate) fn version(&self) -> u64 {
        self.stream.account.version
    }

    /// Whose it is, by the journal or else by the row.
    pub(super) fn realm(&self) -> Option<RealmId> {
        let by_journal = self.stream.account.holder.map(|holder| holder.owner);
        let by_row = || self.row.as_ref()?.as_ref().ok().map(|row| row.row.owner);
        by_journal.or_else(by_row).map(Owner::realm)
    }

    /// In what the account is not what it should be: first of all whether its journal holds.
    pub(crate) fn difference(&self) -> Option<Difference> {
        self.broken.as_ref().map(Difference::from).or_else(|| self.row_difference())
    }

    /// In what the balance row is not what the end of the journal says; `None` also when that cannot be read.
    pub(super) fn row_difference(&self) -> Option<Difference> {
        if self.lost {
            return None;
        }
        let (account, journal) = (self.id, self.version());
        if let Some(Ok(StoredRow { row: BalanceRow { balance_version: row, .. }, .. })) = self.row
            && row > journal
        {
            return Some(Difference::Ahead { account, journal, row });
        }
        let rebuilt = BalanceRow::of(&self.stream.account)?;
        match &self.row {
            Some(Ok(row)) => {
                Difference::between(row, &rebuilt, self.stream.account.holder?.currency, self.stream.head)
            }
            Some(Err(reason)) => Some(Difference::Unreadable { account, reason: reason.clone() }),
            None => Some(Difference::Missing { account }),
        }
    }
}

impl Flaw {
    /// What is wrong with an entry that does not follow as the next one behind `head`.
    fn of(stored: &StoredEvent, next: u64, head: &Hash) -> Self {
        let sealed = |note: &String| Some(digest_note(note)) == stored.note_digest;
        if stored.sequence != next {
            Self::Gap
        } else if stored.link(head).hash() != stored.hash || !stored.note.as_ref().is_none_or(sealed) {
            Self::Chain
        } else {
            Self::Fold
        }
    }
}
