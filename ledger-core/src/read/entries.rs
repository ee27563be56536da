//! Entries: one, or a page of them, each proved to follow the one before it.

use sqlx::PgConnection;

use crate::{
    caller::Caller,
    domain::{
        chain::{CHAIN_START, digest_note},
        ids::{AccountId, EntryId},
        limits::Note,
    },
    error::LedgerError,
    journal::{
        stream::{STORED_EVENT, StoredEvent, bigint},
        tx::in_snapshot,
    },
    ledger::Ledger,
    outcome::Receipt,
    read::balance::read_in_service,
};

/// Lines of one page, of entries and of statements.
pub const PAGE_LINES_MAX: u32 = 1_000;

/// An entry, and the note beside it as long as it is not erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What happened, and the balances before and after.
    pub receipt: Receipt,
    /// The caller's free text.
    pub note: Option<Note>,
}

/// Which entries of an account, and which page of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntriesRequest {
    /// From the newest entry back, in place of from the oldest on.
    pub newest_first: bool,
    /// Behind which version to go on: [`EntriesPage::next`] of the page before.
    pub after: Option<u64>,
    /// Lines of a page: at most [`PAGE_LINES_MAX`].
    pub limit: u32,
}

/// A page of an account's entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntriesPage {
    /// In the order that was asked for.
    pub lines: Vec<Line>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<u64>,
}

impl Default for EntriesRequest {
    /// The first page, from the oldest entry on.
    fn default() -> Self {
        Self { newest_first: false, after: None, limit: PAGE_LINES_MAX }
    }
}

impl Ledger {
    /// One entry.
    ///
    /// # Errors
    /// [`LedgerError::NotFound`] for no such entry, and for one of another realm; [`LedgerError::Quarantined`] when the
    /// account's stream does not hold.
    pub async fn entry(&self, caller: &Caller, entry: EntryId) -> Result<Line, LedgerError> {
        let (realm, account) = self.place_of(caller, entry).await?;
        let version = entry.sequence();
        let lines = in_snapshot(self.app(), Some(realm), move |connection| {
            Box::pin(async move {
                let last = read_in_service(connection, account).await?.row.balance_version;
                if version > last {
                    return Err(LedgerError::NotFound);
                }
                read_lines(connection, account, version - 1, version).await
            })
        });
        let found = lines.await?.into_iter().next().filter(|line| line.receipt.id == entry);
        found.ok_or(LedgerError::NotFound)
    }

    /// A page of the account's entries, as of one moment.
    ///
    /// # Errors
    /// [`LedgerError::NotFound`] for no such account, and for one of another realm; [`LedgerError::Quarantined`] when the
    /// account's stream does not hold.
    pub async fn entries(
        &self,
        caller: &Caller,
        account: AccountId,
        request: EntriesRequest,
    ) -> Result<EntriesPage, LedgerError> {
        let realm = self.realm_for(caller, account).await?;
        let page = in_snapshot(self.app(), Some(realm), move |connection| {
            Box::pin(async move {
                let last = read_in_service(connection, account).await?.row.balance_version;
                read_page(connection, account, request, last).await
            })
        });
        page.await
    }
}

async fn read_page(
    connection: &mut PgConnection,
    account: AccountId,
    EntriesRequest { newest_first, after, limit }: EntriesRequest,
    last: u64,
) -> Result<EntriesPage, LedgerError> {
    let limit = u64::from(limit.min(PAGE_LINES_MAX));
    if newest_first {
        let until = after.map_or(last, |after| last.min(after.saturating_sub(1)));
        let above = until.saturating_sub(limit);
        let mut lines = read_lines(connection, account, above, until).await?;
        lines.reverse();
        return Ok(EntriesPage { lines, next: (above > 0).then_some(above + 1) });
    }
    let above = after.unwrap_or(0).min(last);
    let until = last.min(above + limit);
    let lines = read_lines(connection, account, above, until).await?;
    Ok(EntriesPage { lines, next: (until < last).then_some(until) })
}

/// The entries behind version `above` up to version `until`, oldest first. All of them are there, each is the one that was
/// sealed, and each follows the one before it: what does not hold is never shown.
pub(super) async fn read_lines(
    connection: &mut PgConnection,
    account: AccountId,
    above: u64,
    until: u64,
) -> Result<Vec<Line>, LedgerError> {
    if above >= until {
        return Ok(Vec::new());
    }
    let select = format!(
        "select {STORED_EVENT} from events e where e.aggregate_id = $1 and e.sequence between $2 and $3 order by e.sequence"
    );
    let rows = sqlx::query_as(&select).bind(account.to_string()).bind(bigint(above)).bind(bigint(until));
    let rows: Vec<StoredEvent> = rows.fetch_all(connection).await?;
    let mut head = (above == 0).then_some(CHAIN_START);
    let mut version = above;
    for stored in &rows {
        // The row at `above` is read for its hash alone.
        version += u64::from(head.is_some());
        let follows = head.is_none_or(|head| stored.link(&head).hash() == stored.hash);
        if stored.sequence != version || !follows || !is_sealed(stored) {
            return Err(broken(account, version));
        }
        head = Some(stored.hash);
    }
    if version < until {
        return Err(broken(account, version + 1));
    }
    let shown = rows.iter().skip(usize::from(above > 0));
    Ok(shown.map(Line::of).collect::<sqlx::Result<_>>()?)
}

fn is_sealed(stored: &StoredEvent) -> bool {
    stored.note.as_ref().is_none_or(|note| Some(digest_note(note)) == stored.note_digest)
}

/// The answer where a stream does not hold. Only a lane or an audit takes the account out of service: a reader may not write.
pub(super) fn broken(account: AccountId, version: u64) -> LedgerError {
    tracing::error!(%account, version, "an entry is missing or was changed");
    LedgerError::Quarantined
}

impl Line {
    fn of(stored: &StoredEvent) -> sqlx::Result<Self> {
        let decode = |error| sqlx::Error::Decode(Box::new(error));
        let receipt = Receipt::of(stored)?;
        let note = stored.note.as_deref().map(Note::unsalted).transpose().map_err(decode)?;
        Ok(Self { receipt, note })
    }
}
