//! Lines: stored entries, each proved to follow the one before it. What does not hold is never shown.

use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder, Row, postgres::PgRow};
use uuid::Uuid;

use crate::{
    domain::{
        chain::{CHAIN_START, Hash, digest_note},
        ids::AccountId,
        limits::{IdempotencyKey, Label, Note},
        request::Namespace,
    },
    error::LedgerError,
    journal::stream::{STORED_EVENT, StoredEvent, bigint, natural},
    outcome::Receipt,
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

/// What entries have in common. An entry is found if everything that is asked for is so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryFilter {
    /// Under this key: one entry at most, found by an index.
    pub key: Option<EntryKey>,
    /// Its kind as the journal names it, such as `account.charged`.
    pub event_type: Option<String>,
    /// The caller's name for what it is about, such as a payment.
    pub reference: Option<Label>,
    /// The request that made it.
    pub request_id: Option<Label>,
}

/// An idempotency key, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryKey {
    /// The key.
    pub key: IdempotencyKey,
    /// The user whose key it is; the platform's if absent.
    pub user: Option<Uuid>,
}

impl EntryFilter {
    /// Whether every entry is found.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Versions of one account that lie side by side: those behind `above`, up to `until`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) above: u64,
    pub(super) until: u64,
}

/// An event, and the hash of the one before it.
struct Linked {
    stored: StoredEvent,
    previous: Option<Hash>,
}

/// All entries of a window, oldest first: none is missing.
pub(super) async fn read_all(
    connection: &mut PgConnection,
    account: AccountId,
    window: Window,
) -> Result<Vec<Line>, LedgerError> {
    let count = window.until.saturating_sub(window.above);
    if count == 0 {
        return Ok(Vec::new());
    }
    let lines = find(connection, account, window, &EntryFilter::default(), false, count).await?;
    match (window.above + 1..).zip(&lines).find(|(version, line)| line.receipt.version() != *version) {
        Some((missing, _)) => Err(broken(account, missing)),
        None if (lines.len() as u64) < count => Err(broken(account, window.above + 1 + lines.len() as u64)),
        None => Ok(lines),
    }
}

/// The version of the entry under a key. Asked by itself: in one question with a window, PostgreSQL reads through the window.
pub(super) async fn version_of(
    connection: &mut PgConnection,
    account: AccountId,
    EntryKey { key, user }: &EntryKey,
) -> Result<Option<u64>, LedgerError> {
    let hash = user.map_or(Namespace::Platform, Namespace::User).hash(key);
    let select = "select sequence from events where aggregate_id = $1 and key_hash = $2";
    let version = sqlx::query_scalar(select).bind(account.to_string()).bind(hash);
    Ok(version.fetch_optional(connection).await?.map(natural).transpose()?)
}

/// The first entries of a window that are as asked for but for their key, from one end or the other.
pub(super) async fn find(
    connection: &mut PgConnection,
    account: AccountId,
    Window { above, until }: Window,
    EntryFilter { key: _, event_type, reference, request_id }: &EntryFilter,
    newest_first: bool,
    limit: u64,
) -> Result<Vec<Line>, LedgerError> {
    let select = format!(
        "select {STORED_EVENT},
                (select p.hash from events p where p.aggregate_id = e.aggregate_id and p.sequence = e.sequence - 1) as previous
         from events e where e.aggregate_id = "
    );
    let mut select = QueryBuilder::<Postgres>::new(select);
    select.push_bind(account.to_string());
    select
        .push(" and e.sequence between ")
        .push_bind(bigint(above) + 1)
        .push(" and ")
        .push_bind(bigint(until));
    // Only what is asked for is in the text, so that PostgreSQL plans each question for itself.
    let texts = [
        ("e.event_type", event_type.clone()),
        (
            "coalesce(e.payload ->> 'reference', e.note -> 'metadata' ->> 'reference')",
            reference.clone().map(String::from),
        ),
        ("e.metadata ->> 'request_id'", request_id.clone().map(String::from)),
    ];
    for (column, text) in texts {
        if let Some(text) = text {
            select.push(" and ").push(column).push(" = ").push_bind(text);
        }
    }
    select.push(if newest_first {
        " order by e.sequence desc limit "
    } else {
        " order by e.sequence limit "
    });
    let rows: Vec<Linked> = select.push_bind(bigint(limit)).build_query_as().fetch_all(connection).await?;
    rows.iter().map(|row| prove(account, row)).collect()
}

/// The entry, if it is the one that was sealed behind the one before it.
fn prove(account: AccountId, Linked { stored, previous }: &Linked) -> Result<Line, LedgerError> {
    let start = (stored.sequence == 1).then_some(&CHAIN_START);
    let follows = start.or(previous.as_ref()).is_some_and(|head| stored.link(head).hash() == stored.hash);
    let note = stored.note.as_deref();
    let is_sealed = note.is_none_or(|note| Some(digest_note(note)) == stored.note_digest);
    if !follows || !is_sealed {
        return Err(broken(account, stored.sequence));
    }
    let decode = |error| sqlx::Error::Decode(Box::new(error));
    Ok(Line { receipt: Receipt::of(stored)?, note: note.map(Note::unsalted).transpose().map_err(decode)? })
}

/// The answer where a stream does not hold. Only a lane or an audit takes the account out of service: a reader may not write.
pub(super) fn broken(account: AccountId, version: u64) -> LedgerError {
    tracing::error!(%account, version, "an entry is missing or was changed");
    LedgerError::Quarantined
}

impl FromRow<'_, PgRow> for Linked {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self { stored: StoredEvent::from_row(row)?, previous: row.try_get("previous")? })
    }
}
