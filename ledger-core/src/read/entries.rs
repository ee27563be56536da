//! Entries: one, or a page of those that are as asked for.

use sqlx::PgConnection;

use crate::{
    caller::Caller,
    domain::{
        entry::Timestamp,
        ids::{AccountId, EntryId},
    },
    error::LedgerError,
    journal::tx::in_snapshot,
    ledger::Ledger,
    read::{
        balance::read_in_service,
        lines::{EntryFilter, Line, PAGE_LINES_MAX, Window, find, read_all, version_of},
        moment::version_before,
    },
};

/// Entries that one page looks through for those that are asked for.
const SEARCHED_ENTRIES_MAX: u64 = 20_000;

/// Which entries of an account, and which page of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntriesRequest {
    /// Only those that are so.
    pub filter: EntryFilter,
    /// Only those recorded at this moment or later.
    pub from: Option<Timestamp>,
    /// Only those recorded before this moment.
    pub to: Option<Timestamp>,
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
    /// In the order that was asked for. A page of a filtered list may have fewer lines than its limit, also none, and yet a
    /// next one: each page looks through a bounded part of the stream.
    pub lines: Vec<Line>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<u64>,
}

impl Default for EntriesRequest {
    /// The first page of everything, from the oldest entry on.
    fn default() -> Self {
        Self {
            filter: EntryFilter::default(),
            from: None,
            to: None,
            newest_first: false,
            after: None,
            limit: PAGE_LINES_MAX,
        }
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
                read_all(connection, account, Window { above: version - 1, until: version }).await
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
        in_snapshot(self.app(), Some(realm), move |connection| {
            Box::pin(read_page(connection, account, request))
        })
        .await
    }
}

async fn read_page(
    connection: &mut PgConnection,
    account: AccountId,
    request: EntriesRequest,
) -> Result<EntriesPage, LedgerError> {
    let last = read_in_service(connection, account).await?.row.balance_version;
    let mut all = Window { above: 0, until: last };
    if let Some(from) = request.from {
        all.above = version_before(connection, account, last, from).await?;
    }
    if let Some(to) = request.to {
        all.until = version_before(connection, account, last, to).await?;
    }
    let EntriesRequest { filter, newest_first, after, limit, .. } = request;
    match after {
        Some(after) if newest_first => all.until = all.until.min(after.saturating_sub(1)),
        Some(after) => all.above = all.above.max(after),
        None => {}
    }
    all.above = all.above.min(all.until);
    if let Some(key) = &filter.key {
        let version = version_of(connection, account, key).await?;
        all = version.map_or(Window { until: all.above, ..all }, |version| all.only(version));
    }
    let limit = u64::from(limit.clamp(1, PAGE_LINES_MAX));
    let part = all.first(newest_first, if filter.is_empty() { limit } else { SEARCHED_ENTRIES_MAX });
    if filter.is_empty() {
        let mut lines = read_all(connection, account, part).await?;
        if newest_first {
            lines.reverse();
        }
        return Ok(EntriesPage { lines, next: all.behind(newest_first, part) });
    }
    let lines = find(connection, account, part, &filter, newest_first, limit).await?;
    let full = lines.last().filter(|_| lines.len() as u64 == limit).map(|line| line.receipt.version());
    let seen = full.map_or(part, |last| part.up_to(newest_first, last));
    Ok(EntriesPage { next: all.behind(newest_first, seen), lines })
}

impl Window {
    /// This version alone, if it lies in it.
    fn only(self, version: u64) -> Self {
        let is_within = self.above < version && version <= self.until;
        Self { above: version - 1, until: if is_within { version } else { version - 1 } }
    }

    /// At most `count` versions of it, from one end or the other.
    fn first(self, newest_first: bool, count: u64) -> Self {
        let Self { above, until } = self;
        if newest_first {
            Self { above: above.max(until.saturating_sub(count)), until }
        } else {
            Self { above, until: until.min(above + count) }
        }
    }

    /// Its part up to and with a version, from the same end.
    fn up_to(self, newest_first: bool, version: u64) -> Self {
        if newest_first { Self { above: version - 1, ..self } } else { Self { until: version, ..self } }
    }

    /// The version that a page ends with which has shown this part of it; `None` if that was all.
    fn behind(self, newest_first: bool, seen: Self) -> Option<u64> {
        if newest_first {
            (seen.above > self.above).then_some(seen.above + 1)
        } else {
            (seen.until < self.until).then_some(seen.until)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The versions that pages look at, when each looks at three and shows nothing.
    fn pages(newest_first: bool) -> Vec<(u64, u64)> {
        let (mut pages, mut rest) = (Vec::new(), Window { above: 2, until: 9 });
        loop {
            let part = rest.first(newest_first, 3);
            pages.push((part.above + 1, part.until));
            match rest.behind(newest_first, part) {
                Some(next) if newest_first => rest.until = next - 1,
                Some(next) => rest.above = next,
                None => return pages,
            }
        }
    }

    #[test]
    fn pages_look_at_every_version_once_from_either_end() {
        assert_eq!(pages(false), [(3, 5), (6, 8), (9, 9)]);
        assert_eq!(pages(true), [(7, 9), (4, 6), (3, 3)]);
        let only = |version| Window { above: 2, until: 9 }.only(version);
        let sizes = [2, 3, 9, 10].map(|version| only(version).until - only(version).above);
        assert_eq!(sizes, [0, 1, 1, 0]);
    }

    #[test]
    fn a_full_page_goes_on_behind_its_last_line() {
        let all = Window { above: 0, until: 9 };
        let ends = [true, false]
            .map(|newest_first| all.behind(newest_first, all.first(newest_first, 9).up_to(newest_first, 4)));
        assert_eq!(ends, [Some(4), Some(4)]);
        assert_eq!(all.behind(false, all.up_to(false, 9)), None, "that was the last");
    }
}
