//! An account's stream as it is stored, and the one way to walk it: every step proves sequence, chain and fold.

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use sqlx::{FromRow, Row, postgres::PgRow};
use uuid::Uuid;

use crate::{
    domain::{
        account::{Account, Event},
        chain::{CHAIN_START, Hash, Link, ShortHash, digest_note},
        entry::Timestamp,
        ids::{AccountId, EntryId, RealmId},
    },
    journal::decode,
};

/// One row of the journal, in the characters in which it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// The stream.
    pub account: AccountId,
    /// The place in it, counted from 1.
    pub sequence: u64,
    /// The realm of the account.
    pub realm: RealmId,
    /// The currency of the account.
    pub currency: String,
    /// Such as `account.charged`.
    pub event_type: String,
    /// Such as `1`.
    pub event_version: String,
    /// JSON text.
    pub payload: String,
    /// JSON text.
    pub metadata: String,
    /// The idempotency key, if a caller sent one.
    pub key_hash: Option<ShortHash>,
    /// What the key stood for.
    pub request_hash: Option<ShortHash>,
    /// The entry that it follows up.
    pub ref_sequence: Option<u64>,
    /// JSON text with a salt; `None` when there was none or it is erased.
    pub note: Option<String>,
    /// The digest of the note, which stays.
    pub note_digest: Option<Hash>,
    /// When the lane wrote it.
    pub recorded_at: Timestamp,
    /// Its link of the chain.
    pub hash: Hash,
}

/// The columns of a [`StoredEvent`], of a table called `e`.
pub(crate) const STORED_EVENT: &str = "e.aggregate_id, e.sequence, e.realm_id, e.currency, e.event_type, \
    e.event_version, e.payload::text as payload, e.metadata::text as metadata, e.key_hash, e.request_hash, \
    e.ref_sequence, e.note::text as note, e.note_digest, e.recorded_at, e.hash";

/// The stream does not hold: where, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("account {account}, entry {sequence}: {reason}")]
pub struct BrokenStream {
    /// The account.
    pub account: AccountId,
    /// The first place that is wrong.
    pub sequence: u64,
    /// For a person to read.
    pub reason: String,
}

/// An account and the end of its chain: all that is needed to check and to write its next event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Whose stream it is.
    pub id: AccountId,
    /// The account as its events have left it.
    pub account: Account,
    /// The hash of the last event.
    pub head: Hash,
    /// When the last event was recorded.
    pub recorded_at: Timestamp,
}

impl Stream {
    /// The stream of an account before its first event.
    #[must_use]
    pub fn new(id: AccountId) -> Self {
        Self { id, account: Account::default(), head: CHAIN_START, recorded_at: DateTime::<Utc>::MIN_UTC }
    }

    /// Takes in the next stored event, proving that it is the next, whole, and follows.
    ///
    /// # Errors
    /// [`BrokenStream`] naming the first thing that is wrong.
    pub fn follow(&mut self, stored: &StoredEvent) -> Result<Event, BrokenStream> {
        let sequence = self.account.version + 1;
        let broken = |reason: String| BrokenStream { account: self.id, sequence, reason };
        if stored.account != self.id || stored.sequence != sequence {
            return Err(broken(format!("it is missing; the next one stored is {}", stored.sequence)));
        }
        if stored.link(&self.head).hash() != stored.hash {
            return Err(broken(
                "its hash does not match what is stored: it, or the one before it, was changed".into(),
            ));
        }
        if let Some(note) = &stored.note
            && Some(digest_note(note)) != stored.note_digest
        {
            return Err(broken("its note is not the one that was sealed".into()));
        }
        let event = stored.event().map_err(|error| broken(format!("it cannot be read: {error}")))?;
        if event.refers_to().map(EntryId::sequence) != stored.ref_sequence {
            return Err(broken("its column ref_sequence does not agree with its payload".into()));
        }
        if stored.recorded_at < self.recorded_at {
            return Err(broken("it was recorded before the one before it".into()));
        }
        self.account.fold(&event).map_err(|error| broken(error.reason.into()))?;
        let holder = self.account.holder.expect("the first event opens the account");
        if stored.realm != holder.owner.realm() || stored.currency != String::from(holder.currency) {
            return Err(broken("its realm or currency is not that of the account".into()));
        }
        if self.account.id() != Some(self.id) {
            return Err(broken("it belongs to the stream of another account".into()));
        }
        self.head = stored.hash;
        self.recorded_at = stored.recorded_at;
        Ok(event)
    }
}

impl StoredEvent {
    /// What its hash covers, given the hash before it.
    #[must_use]
    pub fn link<'a>(&'a self, previous: &'a Hash) -> Link<'a> {
        Link {
            account: self.account,
            sequence: self.sequence,
            previous,
            realm: self.realm,
            event_type: &self.event_type,
            event_version: &self.event_version,
            payload: &self.payload,
            metadata: &self.metadata,
            key_hash: self.key_hash.as_ref(),
            request_hash: self.request_hash.as_ref(),
            ref_sequence: self.ref_sequence,
            note_digest: self.note_digest.as_ref(),
            recorded_at: self.recorded_at,
        }
    }

    /// The event in it. A kind or version that this program does not know is an error, never a guess.
    ///
    /// # Errors
    /// What serde says of the payload, or that the columns name another kind.
    pub fn event(&self) -> Result<Event, serde_json::Error> {
        let event: Event = serde_json::from_str(&self.payload)?;
        if (event.event_type(), event.event_version())
            == (self.event_type.clone(), self.event_version.clone())
        {
            Ok(event)
        } else {
            Err(serde::de::Error::custom(format!("unknown kind {} {}", self.event_type, self.event_version)))
        }
    }

    /// The entry's id.
    #[must_use]
    pub fn id(&self) -> EntryId {
        EntryId::new(self.account, self.sequence)
    }
}

impl FromRow<'_, PgRow> for StoredEvent {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let text: &str = row.try_get("aggregate_id")?;
        let account: Uuid = text.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        Ok(Self {
            account: AccountId(account),
            sequence: natural(row.try_get("sequence")?)?,
            realm: RealmId(row.try_get("realm_id")?),
            currency: row.try_get("currency")?,
            event_type: row.try_get("event_type")?,
            event_version: row.try_get("event_version")?,
            payload: row.try_get("payload")?,
            metadata: row.try_get("metadata")?,
            key_hash: row.try_get("key_hash")?,
            request_hash: row.try_get("request_hash")?,
            ref_sequence: row.try_get::<Option<i64>, _>("ref_sequence")?.map(natural).transpose()?,
            note: row.try_get("note")?,
            note_digest: row.try_get("note_digest")?,
            recorded_at: decode::time(row, "recorded_at")?,
            hash: row.try_get("hash")?,
        })
    }
}

/// PostgreSQL has no unsigned integers; a negative count is a damaged row, never a huge number.
pub(crate) fn natural(number: i64) -> sqlx::Result<u64> {
    u64::try_from(number).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

/// A count for a bigint column. Sequences are 48 bits, so this cannot fail for one of ours.
pub(crate) fn bigint(number: u64) -> i64 {
    i64::try_from(number).expect("counts stay below 2^63")
}
