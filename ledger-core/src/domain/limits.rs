//! Texts that callers send, each with a named bound. Checked once, at the door; the type carries the proof.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Characters of an idempotency key, a payment reference, an actor or a request id.
pub const LABEL_CHARS_MAX: usize = 255;
/// Characters of a description, and of a metadata value.
pub const NOTE_CHARS_MAX: usize = 500;
/// Metadata pairs of one entry.
pub const NOTE_PAIRS_MAX: usize = 50;
/// Characters of a metadata name.
pub const NOTE_NAME_CHARS_MAX: usize = 40;

/// A text was empty, too long, or held a control character.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {rule}")]
pub struct LimitError {
    /// The field at fault, such as `metadata.project`.
    pub field: String,
    /// What it should have been.
    pub rule: String,
}

/// A short printable text of 1 to [`LABEL_CHARS_MAX`] characters: a payment's reference, an actor, a request id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Label(String);

/// The caller's own name for one command, 1 to [`LABEL_CHARS_MAX`] printable characters. The same key never acts twice on one
/// account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct IdempotencyKey(String);

macro_rules! as_short_text {
    ($($name:ident is $field:literal),*) => {$(
        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl TryFrom<String> for $name {
            type Error = LimitError;
            fn try_from(text: String) -> Result<Self, LimitError> {
                check($field, &text, 1, LABEL_CHARS_MAX)?;
                Ok(Self(text))
            }
        }
        impl FromStr for $name {
            type Err = LimitError;
            fn from_str(text: &str) -> Result<Self, LimitError> {
                text.to_owned().try_into()
            }
        }
        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    )*};
}
as_short_text!(Label is "label", IdempotencyKey is "idempotency_key");

/// Free text about an entry, kept outside the hash so that it can be erased without breaking the chain.
///
/// People and places belong here and nowhere else. A retry is compared without it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// What the entry is for, in the caller's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The caller's own names and values, at most [`NOTE_PAIRS_MAX`] × [`NOTE_CHARS_MAX`] characters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

impl Note {
    /// A note of one line.
    #[must_use]
    pub fn describing(description: impl Into<String>) -> Self {
        Self { description: Some(description.into()), ..Self::default() }
    }

    /// Whether there is nothing to keep.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.description.is_none() && self.metadata.is_empty()
    }

    /// Reads a note as it is stored, with its salt beside it.
    pub(crate) fn unsalted(text: &str) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        struct Salted {
            description: Option<String>,
            #[serde(default)]
            metadata: BTreeMap<String, String>,
        }
        let Salted { description, metadata } = serde_json::from_str(text)?;
        Ok(Self { description, metadata })
    }

    /// Checks every bound, naming the field that breaks one.
    ///
    /// # Errors
    /// The first [`LimitError`].
    pub fn check(&self) -> Result<(), LimitError> {
        if let Some(description) = &self.description {
            check("description", description, 0, NOTE_CHARS_MAX)?;
        }
        if self.metadata.len() > NOTE_PAIRS_MAX {
            return Err(LimitError {
                field: "metadata".into(),
                rule: format!("at most {NOTE_PAIRS_MAX} pairs"),
            });
        }
        for (name, value) in &self.metadata {
            check("metadata", name, 1, NOTE_NAME_CHARS_MAX)?;
            check(&format!("metadata.{name}"), value, 0, NOTE_CHARS_MAX)?;
        }
        Ok(())
    }
}

fn check(field: &str, text: &str, least: usize, most: usize) -> Result<(), LimitError> {
    let chars = text.chars().count();
    // NUL cannot be stored in a PostgreSQL text, and the other controls only ever come by mistake or malice.
    if chars < least || chars > most || text.chars().any(char::is_control) {
        let rule = format!("{least} to {most} printable characters");
        return Err(LimitError { field: field.to_owned(), rule });
    }
    Ok(())
}
