//! Lists come in pages, each with a cursor to the next one.

use std::{fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ledger_core::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::store::{Noun, PageKey, Span};

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

/// A page of a list, in the order in which its rows were made.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParams {
    /// Rows of a page.
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 1000, default = 100, required = false)]
    limit: Limit,
    /// Where the page begins: `next_cursor` of the one before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<PageKey>>,
}

impl PageParams {
    /// The part of the list that the page needs.
    pub(crate) fn span(&self) -> Span {
        Span { after: self.cursor.map(|Cursor(key)| key), rows: self.limit.shown() + 1 }
    }

    /// The page, out of one row more than it shows: that row tells whether there is a next one.
    pub(crate) fn page<N: Noun>(&self, mut data: Vec<N>) -> Page<N> {
        let shown = self.limit.shown() as usize;
        let more = data.len() > shown;
        data.truncate(shown);
        let next_cursor = data.last().filter(|_| more).map(|row| Cursor(row.page_key()).to_string());
        Page { data, next_cursor }
    }
}

/// How many rows a page may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub(crate) struct Limit(u32);

impl Limit {
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

impl FromStr for PageKey {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (micros, id) = text.split_once('/').ok_or(())?;
        // Only years that PostgreSQL and RFC 3339 both know.
        let created_at = micros.parse().ok().and_then(Timestamp::from_timestamp_micros);
        let created_at = created_at.filter(|at| (0..=253_402_300_799).contains(&at.timestamp()));
        Ok(Self { created_at: created_at.ok_or(())?, id: id.parse::<Uuid>().map_err(|_| ())? })
    }
}

impl fmt::Display for PageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.created_at.timestamp_micros(), self.id)
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
