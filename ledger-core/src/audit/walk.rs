//! A walk through the journal and the balance rows side by side, account by account, in constant memory.

use sqlx::{FromRow, PgConnection, postgres::PgRow};
use uuid::Uuid;

use super::{Difference, cursor::Cursor};
use crate::{
    auditor::{Progress, Watch},
    domain::{
        account::Event,
        chain::{Hash, digest_note},
        ids::AccountId,
        projection::BalanceRow,
    },
    journal::stream::{BrokenStream, STORED_EVENT, StoredEvent, Stream},
    read::balance::{AccountBalance, BALANCE_ROW},
};

/// What the walk comes by, in the order of accounts, and in each account in the order of its stream.
pub(crate) enum Step {
    /// An entry that was proved to follow.
    Entry(StoredEvent, Event),
    /// The end of an account.
    Account(Found),
}

/// What was found of one account.
pub(crate) struct Found {
    pub(crate) id: AccountId,
    /// The id as the journal spells it.
    text: String,
    /// How many entries are stored, whether they hold or not.
    pub(crate) entries: u64,
    /// The stream up to its end, or to where it breaks.
    pub(crate) stream: Stream,
    pub(crate) broken: Option<(Flaw, BrokenStream)>,
    /// The balance row, or why it cannot be read.
    pub(crate) row: Option<Result<AccountBalance, String>>,
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

/// The connection must be in a snapshot, or hold the lock of the account, or the two sides are of different moments.
pub(crate) struct Walk<'c> {
    connection: &'c mut PgConnection,
    watch: Option<&'c Watch>,
    n_entries: u64,
    entries: Cursor,
    rows: Cursor,
    current: Option<Found>,
}

impl<'c> Walk<'c> {
    /// Through all accounts, telling after every page how far it has come.
    pub(crate) async fn start(connection: &'c mut PgConnection, watch: &'c Watch) -> sqlx::Result<Self> {
        let walk = Self::over(connection, "", "").await?;
        Ok(Self { watch: Some(watch), ..walk })
    }

    /// Through one account to its end; `None` when there is neither an entry nor a row.
    pub(super) async fn through(
        connection: &mut PgConnection,
        account: AccountId,
    ) -> sqlx::Result<Option<Found>> {
        Walk::over_one(connection, account, 0).await?.to_end().await
    }

    /// From where an account was found to be to its end, with the row as it is by now.
    pub(super) async fn onward(connection: &mut PgConnection, found: Found) -> sqlx::Result<Found> {
        let mut walk = Walk::over_one(connection, found.id, found.version()).await?;
        walk.read().await?;
        let row = walk.rows.take(&found.text);
        let mut found = Found { row: row.as_ref().map(read_row), ..found };
        if found.version() > 0 {
            let last = walk.entries.take(&found.text);
            found.recognize(last.as_ref());
        }
        walk.current = Some(found);
        Ok(walk.to_end().await?.expect("an account that was found has an end"))
    }

    /// From this entry of one account on.
    async fn over_one(
        connection: &mut PgConnection,
        account: AccountId,
        from: u64,
    ) -> sqlx::Result<Walk<'_>> {
        let entries = format!("where e.aggregate_id = '{account}' and e.sequence >= {from}");
        Walk::over(connection, &entries, &format!("where account_id = '{account}'")).await
    }

    async fn to_end(mut self) -> sqlx::Result<Option<Found>> {
        loop {
            match self.next().await? {
                None => return Ok(None),
                Some(Step::Account(found)) => return Ok(Some(found)),
                Some(Step::Entry(..)) => {}
            }
        }
    }

    async fn over(connection: &'c mut PgConnection, entries: &str, rows: &str) -> sqlx::Result<Self> {
        // Both sides are in one order, because an id's text sorts as its bytes do.
        let entries =
            format!("select {STORED_EVENT} from events e {entries} order by e.aggregate_id, e.sequence");
        let rows = format!(
            "select account_id::text as id, {BALANCE_ROW} from account_balances {rows} order by account_balances.account_id"
        );
        let entries = Cursor::declare(connection, "entries", &entries).await?;
        let rows = Cursor::declare(connection, "balance_rows", &rows).await?;
        Ok(Self { connection, watch: None, n_entries: 0, entries, rows, current: None })
    }

    /// The next step, `None` at the end.
    pub(crate) async fn next(&mut self) -> sqlx::Result<Option<Step>> {
        loop {
            self.read().await?;
            let Some(found) = &mut self.current else {
                let ids = [self.entries.next_id(), self.rows.next_id()];
                let Some(id) = ids.into_iter().flatten().min().map(str::to_owned) else { return Ok(None) };
                let row = self.rows.take(&id);
                self.current = Some(Found::new(id, row.as_ref()));
                continue;
            };
            match self.entries.take(&found.text) {
                None => return Ok(self.current.take().map(Step::Account)),
                Some(row) => {
                    if let Some((stored, event)) = found.follow(&row) {
                        return Ok(Some(Step::Entry(stored, event)));
                    }
                }
            }
        }
    }

    async fn read(&mut self) -> sqlx::Result<()> {
        self.rows.read(self.connection).await?;
        let n_read = self.entries.read(self.connection).await?;
        if let (Some(watch), Some(id), true) = (self.watch, self.entries.next_id(), n_read > 0) {
            self.n_entries += n_read as u64;
            let leading = id.parse().map_or(0, |id: Uuid| id.as_u128() >> 96);
            watch(Progress { fraction: leading as f64 / f64::from(u32::MAX), entries: self.n_entries });
        }
        Ok(())
    }
}

impl Found {
    fn new(text: String, row: Option<&PgRow>) -> Self {
        // A text that is no id was never written by us: its entries break at the first one, which says so.
        let id = text.parse().unwrap_or_default();
        let row = row.map(read_row);
        Self { id, text, entries: 0, stream: Stream::new(id), broken: None, row }
    }

    /// Sees the last entry that was proved once more. Nothing but that very one may stand there.
    fn recognize(&mut self, row: Option<&PgRow>) {
        let (account, sequence) = (self.id, self.version());
        let hash = row.and_then(|row| StoredEvent::from_row(row).ok()).map(|stored| stored.hash);
        if self.broken.is_none() && hash != Some(self.stream.head) {
            let reason = "it was changed while it was read".to_owned();
            self.broken = Some((Flaw::Chain, BrokenStream { account, sequence, reason }));
        }
    }

    /// Takes in the next stored entry, if all before it hold. `None` when one does not.
    fn follow(&mut self, row: &PgRow) -> Option<(StoredEvent, Event)> {
        self.entries += 1;
        if self.broken.is_some() {
            return None;
        }
        let next = self.stream.account.version + 1;
        let stored = match StoredEvent::from_row(row) {
            Ok(stored) => stored,
            Err(error) => {
                let reason = format!("it is stored as {:?} and cannot be read: {error}", self.text);
                self.broken = Some((Flaw::Fold, BrokenStream { account: self.id, sequence: next, reason }));
                return None;
            }
        };
        match self.stream.follow(&stored) {
            Ok(event) => Some((stored, event)),
            Err(broken) => {
                self.broken = Some((Flaw::of(&stored, next, &self.stream.head), broken));
                None
            }
        }
    }

    /// How many entries of the stream hold.
    pub(crate) fn version(&self) -> u64 {
        self.stream.account.version
    }

    /// In what the balance row is not what the journal says.
    pub(crate) fn difference(&self) -> Option<Difference> {
        if let Some((_, broken)) = &self.broken {
            return Some(broken.into());
        }
        let (account, journal) = (self.id, self.version());
        if let Some(Ok(AccountBalance { row: BalanceRow { balance_version: row, .. }, .. })) = self.row
            && row > journal
        {
            return Some(Difference::Ahead { account, journal, row });
        }
        let rebuilt = BalanceRow::of(&self.stream.account)?;
        match &self.row {
            Some(Ok(row)) => Difference::between(row, &rebuilt, self.stream.account.holder?.currency),
            Some(Err(reason)) => Some(Difference::Unreadable { account, reason: reason.clone() }),
            None => Some(Difference::Missing { account }),
        }
    }
}

fn read_row(row: &PgRow) -> Result<AccountBalance, String> {
    AccountBalance::from_row(row).map_err(|error| error.to_string())
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
