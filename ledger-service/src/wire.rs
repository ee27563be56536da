//! What several routes say in the same words: pages, cursors, texts with a form.

use std::{fmt, str::FromStr};

use axum::http::HeaderValue;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{Datelike, Timelike};
use ledger_core::{NOTE_PAIRS_MAX, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, RefOr,
        schema::{Schema, Type},
    },
};
use uuid::Uuid;

use crate::store::After;

/// Rows of a page that nobody has asked more or fewer of.
const PAGE_ROWS: u32 = 100;
const PAGE_ROWS_MAX: u32 = 1_000;

/// One page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct Page<T> {
    pub(crate) data: Vec<T>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page out of one row more than it shows: that row tells whether there is a next one.
    pub(crate) fn of<R>(
        mut rows: Vec<R>,
        limit: Limit,
        cursor: impl Fn(&R) -> String,
        wire: impl Fn(R) -> T,
    ) -> Self {
        let more = rows.len() > limit.0 as usize;
        rows.truncate(limit.0 as usize);
        let next_cursor = rows.last().filter(|_| more).map(cursor);
        Self { data: rows.into_iter().map(wire).collect(), next_cursor }
    }
}

/// A page of a list, in the order in which its rows were made.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParams {
    /// Rows of a page.
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 1000, default = 100, required = false)]
    pub(crate) limit: Limit,
    /// Where the page begins: `next_cursor` of the one before.
    #[param(value_type = Option<String>)]
    pub(crate) cursor: Option<Cursor<Row>>,
}

/// How many rows a page may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub(crate) struct Limit(u32);

impl Limit {
    /// One more than is shown.
    pub(crate) fn rows(self) -> u32 {
        self.0 + 1
    }

    /// As many as are shown.
    pub(crate) fn shown(self) -> u32 {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(PAGE_ROWS)
    }
}

impl TryFrom<u32> for Limit {
    type Error = String;
    fn try_from(rows: u32) -> Result<Self, String> {
        if (1..=PAGE_ROWS_MAX).contains(&rows) {
            Ok(Self(rows))
        } else {
            Err(format!("a page has 1 to {PAGE_ROWS_MAX} rows"))
        }
    }
}

/// A place in a list, opaque to callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String", bound = "T: FromStr")]
pub(crate) struct Cursor<T>(pub(crate) T);

impl<T: FromStr> TryFrom<String> for Cursor<T> {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, &'static str> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok();
        let place = bytes.and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok());
        place.map(Self).ok_or("this cursor is not one of ours")
    }
}

impl<T: fmt::Display> fmt::Display for Cursor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0.to_string()))
    }
}

/// A moment in a query, of a year that RFC 3339 and PostgreSQL both know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Timestamp")]
pub(crate) struct Moment(pub(crate) Timestamp);

impl TryFrom<Timestamp> for Moment {
    type Error = &'static str;
    fn try_from(at: Timestamp) -> Result<Self, &'static str> {
        let is_known = (1..=9999).contains(&at.year());
        // chrono keeps a leap second as a second of more than a second.
        let is_leap = at.nanosecond() >= 1_000_000_000;
        if is_known && !is_leap {
            Ok(Self(at))
        } else {
            Err("a moment is of a year from 1 to 9999, and no leap second")
        }
    }
}

/// An account's version: the entry that a page ends with. Not beyond what PostgreSQL counts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version(pub(crate) u64);

impl FromStr for Version {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        text.parse().ok().and_then(|version: i64| u64::try_from(version).ok()).map(Self).ok_or(())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The row that a page ends with, in the order in which rows were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) created_at: Timestamp,
    pub(crate) id: Uuid,
}

impl Row {
    /// Where the next page begins.
    pub(crate) fn cursor(self) -> String {
        Cursor(self).to_string()
    }

    /// Where this page begins.
    pub(crate) fn after(cursor: Option<Cursor<Self>>) -> After {
        cursor.map(|Cursor(row)| After { created_at: Some(row.created_at), id: row.id }).unwrap_or_default()
    }
}

impl FromStr for Row {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (micros, id) = text.split_once('/').ok_or(())?;
        // Only years that PostgreSQL and RFC 3339 both know.
        let created_at = micros.parse().ok().and_then(Timestamp::from_timestamp_micros);
        let created_at = created_at.filter(|at| (0..=253_402_300_799).contains(&at.timestamp()));
        Ok(Self { created_at: created_at.ok_or(())?, id: id.parse().map_err(|_| ())? })
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.created_at.timestamp_micros(), self.id)
    }
}

/// A version as `If-Match` takes it.
pub(crate) fn etag(version: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).expect("digits are printable")
}

/// A text of a certain form, for the reference only: the type that reads it is the ledger's own.
macro_rules! text {
    ($($(#[doc = $doc:literal])+ $name:ident = $pattern:literal, $example:literal;)+) => {$(
        $(#[doc = $doc])+
        pub(crate) struct $name;
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let text = ObjectBuilder::new().schema_type(Type::String);
                text.description(Some(concat!($($doc),+))).pattern(Some($pattern)).examples([$example]).build().into()
            }
        }
        impl ToSchema for $name {}
    )+};
}
text! {
    /// Money is a decimal string: at most 15 digits before the point and 12 behind it. Never a JSON number.
    MoneyText = r"^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,12})?$", "12.50";
    /// Money above zero, as a decimal string.
    AmountText = r"^(?!0(\.0+)?$)(0|[1-9][0-9]{0,14})(\.[0-9]{1,12})?$", "12.50";
    /// Money that is zero or more, as a decimal string.
    LimitText = r"^(0|[1-9][0-9]{0,14})(\.[0-9]{1,12})?$", "100";
    /// A currency or unit of credit.
    CurrencyText = r"^[A-Z][A-Z0-9]{2,11}$", "USD";
    /// A payment provider's short name.
    ProviderText = r"^[a-z0-9_-]{1,32}$", "stripe";
    /// A place of the chart of accounts.
    LegText = r"^[a-z_]+(/[a-z0-9_-]{1,32})?$", "main";
    /// A tenant's short name.
    SlugText = r"^[a-z0-9][a-z0-9-]{0,62}$", "acme-labs";
    /// A short printable text.
    LabelText = r"^[^\x00-\x1f\x7f-\x9f]{1,255}$", "pi_3MtwBwLkdIwHu7ix";
    /// A printable text, which may be empty.
    NoteText = r"^[^\x00-\x1f\x7f-\x9f]{0,500}$", "a batch of embeddings";
    /// A printable text that says something.
    ReasonText = r"^[^\x00-\x1f\x7f-\x9f]{1,500}$", "a duplicate";
}

const NAME_PATTERN: &str = r"^[^\x00-\x1f\x7f-\x9f]{1,40}$";

/// The caller's own names and values, for the reference only.
pub(crate) struct Metadata;

impl PartialSchema for Metadata {
    fn schema() -> RefOr<Schema> {
        let name = ObjectBuilder::new().schema_type(Type::String).pattern(Some(NAME_PATTERN)).build();
        let metadata = ObjectBuilder::new().schema_type(Type::Object).property_names(Some(name));
        let metadata = metadata.additional_properties(Some(NoteText::schema()));
        metadata.max_properties(Some(NOTE_PAIRS_MAX)).build().into()
    }
}

impl ToSchema for Metadata {}
