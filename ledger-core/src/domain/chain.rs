//! The hash chain: each event of an account covers all of itself and the event before it.

use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::domain::{
    entry::Timestamp,
    ids::{AccountId, RealmId},
    limits::Note,
};

/// The version of the form below. It is hashed too, so that a later form can never be mistaken for this one.
const CHAIN_VERSION: u8 = 1;

/// SHA-256.
pub type Hash = [u8; 32];
/// The first half of a SHA-256: a key or a request, 16 bytes because every row carries two.
pub type ShortHash = [u8; 16];

/// What the first event of a stream follows.
pub const CHAIN_START: Hash = [0; 32];

/// Everything of an event that its hash covers, in the characters in which it is stored.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// The stream.
    pub account: AccountId,
    /// The place in it.
    pub sequence: u64,
    /// The hash of the event before, [`CHAIN_START`] for the first.
    pub previous: &'a Hash,
    /// The realm of the account.
    pub realm: RealmId,
    /// Such as `account.charged`.
    pub event_type: &'a str,
    /// Such as `1`.
    pub event_version: &'a str,
    /// JSON text, exactly as stored.
    pub payload: &'a str,
    /// JSON text, exactly as stored.
    pub metadata: &'a str,
    /// The idempotency key, if a caller sent one.
    pub key_hash: Option<&'a ShortHash>,
    /// What the key stood for.
    pub request_hash: Option<&'a ShortHash>,
    /// The entry that it follows up.
    pub ref_sequence: Option<u64>,
    /// The digest of the note, which stays when the note is erased.
    pub note_digest: Option<&'a Hash>,
    /// When the lane wrote it.
    pub recorded_at: Timestamp,
}

impl Link<'_> {
    /// The hash of the event. Every field goes in behind its length, so no two events share a form.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let mut hasher = Fields::default();
        hasher.field(&[CHAIN_VERSION]);
        hasher.field(self.account.0.as_bytes());
        hasher.field(&self.sequence.to_be_bytes());
        hasher.field(self.previous);
        hasher.field(self.realm.0.as_bytes());
        hasher.field(self.event_type.as_bytes());
        hasher.field(self.event_version.as_bytes());
        hasher.field(self.payload.as_bytes());
        hasher.field(self.metadata.as_bytes());
        // An absent field is an empty one: none of these is ever empty when present.
        hasher.field(self.key_hash.map_or(&[], |hash| hash.as_slice()));
        hasher.field(self.request_hash.map_or(&[], |hash| hash.as_slice()));
        hasher.field(self.ref_sequence.map(u64::to_be_bytes).as_ref().map_or(&[], |bytes| bytes.as_slice()));
        hasher.field(self.note_digest.map_or(&[], |hash| hash.as_slice()));
        hasher.field(&self.recorded_at.timestamp_micros().to_be_bytes());
        hasher.finish()
    }
}

/// A note as it is stored: its text with a salt inside, so that a digest left behind cannot be guessed at.
#[derive(Clone, Debug)]
pub struct SealedNote {
    /// JSON text.
    pub text: String,
    /// What the event's hash covers.
    pub digest: Hash,
}

impl SealedNote {
    /// Salts and seals a note; an empty one leaves nothing to keep.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "a salt must be random, and no decision ever reads it")]
    pub fn seal(note: &Note) -> Option<Self> {
        #[derive(Serialize)]
        struct Salted<'a> {
            salt: Uuid,
            #[serde(flatten)]
            note: &'a Note,
        }
        if note.is_empty() {
            return None;
        }
        let text =
            serde_json::to_string(&Salted { salt: Uuid::new_v4(), note }).expect("a note is plain JSON");
        Some(Self { digest: digest_note(&text), text })
    }
}

/// The digest of a stored note.
#[must_use]
pub fn digest_note(text: &str) -> Hash {
    Sha256::digest(text.as_bytes()).into()
}

/// A short hash over length-prefixed fields: of a key, of a request.
#[must_use]
pub(crate) fn short_hash(fields: &[&[u8]]) -> ShortHash {
    let mut hasher = Fields::default();
    fields.iter().for_each(|field| hasher.field(field));
    hasher.finish()[..16].try_into().expect("half of 32 bytes")
}

#[derive(Default)]
struct Fields(Sha256);

impl Fields {
    fn field(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    fn finish(self) -> Hash {
        self.0.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_moved_across_a_field_border_changes_the_hash() {
        assert_ne!(short_hash(&[b"ab", b"c"]), short_hash(&[b"a", b"bc"]));
        assert_ne!(short_hash(&[b"", b"a"]), short_hash(&[b"a", b""]));
    }

    #[test]
    fn one_note_never_has_one_digest() {
        let note = Note::describing("lunch");
        assert_ne!(SealedNote::seal(&note).unwrap().digest, SealedNote::seal(&note).unwrap().digest);
        assert!(SealedNote::seal(&Note::default()).is_none());
    }
}
