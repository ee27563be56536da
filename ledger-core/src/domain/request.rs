//! What a key stands for: whose key it is, and what was asked under it. Both hashes stay with the entry for ever.

use std::fmt::{self, Display, Write};

use chrono::SecondsFormat;
use uuid::Uuid;

use crate::domain::{
    chain::{ShortHash, short_hash},
    entry::{Timestamp, microseconds},
    limits::IdempotencyKey,
};

/// The version of the form below. It stands in it, so that a later form can never be mistaken for this one.
const FORM_VERSION: u8 = 1;

/// Whose keys. Each namespace has all the keys there are on each account, and two of them never meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Namespace {
    /// The platform's: operators, gateways and jobs, whatever credential they have today.
    Platform,
    /// One user's: all of that user's credentials.
    User(Uuid),
}

impl Namespace {
    /// What the key is stored as.
    pub(crate) fn hash(self, key: &IdempotencyKey) -> ShortHash {
        let key = key.as_str().as_bytes();
        match self {
            Self::Platform => short_hash(&[key]),
            // One field and three fields are never the same bytes, because each stands behind its length.
            Self::User(id) => short_hash(&[b"user", id.as_bytes(), key]),
        }
    }
}

/// A command in its canonical form: its name, and the names and values of its fields in a fixed order.
///
/// Each text stands behind its length and before a comma (`4:30.5,`), so that no two requests share a form. What is absent is
/// left out, so a new optional field changes the form of no request that does without it.
pub(crate) struct Form(String);

impl Form {
    pub(crate) fn of(command: &str) -> Self {
        Self(String::new()).text(FORM_VERSION).text(command)
    }

    pub(crate) fn field(self, name: &str, value: impl Display) -> Self {
        self.text(name).text(value)
    }

    pub(crate) fn optional(self, name: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.field(name, value),
            None => self,
        }
    }

    /// A time as the ledger keeps it: in UTC, with six digits for the microseconds.
    pub(crate) fn time(self, name: &str, time: Option<Timestamp>) -> Self {
        self.optional(name, time.map(|time| microseconds(time).to_rfc3339_opts(SecondsFormat::Micros, true)))
    }

    /// What a retry is compared by.
    pub(crate) fn hash(&self) -> ShortHash {
        short_hash(&[self.0.as_bytes()])
    }

    fn text(mut self, text: impl Display) -> Self {
        let text = text.to_string();
        write!(self.0, "{}:{text},", text.len()).expect("a text takes more text");
        self
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_optional_field_changes_no_request_that_does_without_it() {
        let before = || Form::of("charge").field("amount", "1").field("currency", "USD");
        let after = before().optional("colour", None::<&str>);
        assert_eq!((after.to_string(), after.hash()), (before().to_string(), before().hash()));
        assert_ne!(before().optional("colour", Some("red")).hash(), before().hash());
    }

    #[test]
    fn a_character_moved_across_a_border_is_another_request() {
        let form = |name, value| Form::of("charge").field(name, value).hash();
        assert_ne!(form("ab", "c"), form("a", "bc"));
        assert_ne!(form("a", "1,1:b,1:2"), Form::of("charge").field("a", "1").field("b", "2").hash());
    }

    #[test]
    fn one_key_of_two_namespaces_is_two_keys() {
        let key: IdempotencyKey = "monthly-fee-2026-12".parse().unwrap();
        let user = |id| Namespace::User(Uuid::from_u128(id)).hash(&key);
        assert_ne!(Namespace::Platform.hash(&key), user(1));
        assert_ne!(user(1), user(2));
        // What is stored must be found for ever.
        assert_eq!(
            Uuid::from_bytes(Namespace::Platform.hash(&key)).to_string(),
            "7d631953-226c-5052-d94e-3f661b512e2a"
        );
        assert_eq!(Uuid::from_bytes(user(1)).to_string(), "161703f3-e6a6-3222-677e-92dad5fe8bf2");
    }
}
