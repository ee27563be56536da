//! Moments, as callers bring them.

use chrono::{Datelike, Timelike};
use ledger_core::{Timestamp, microseconds};
use serde::Deserialize;

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

/// When something was used: in 1970 or later, because exports and other tools cannot write any year whatever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Moment")]
pub(crate) struct UsageTime(pub(crate) Timestamp);

impl TryFrom<Moment> for UsageTime {
    type Error = &'static str;
    fn try_from(Moment(at): Moment) -> Result<Self, &'static str> {
        if at < Timestamp::UNIX_EPOCH { Err("it lies before 1970") } else { Ok(Self(microseconds(at))) }
    }
}
