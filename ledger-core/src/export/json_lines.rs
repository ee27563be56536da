//! JSON lines: one entry a line, with all that it holds.

use std::io;

use serde::Serialize;

use super::{Sheet, description, kind};
use crate::{
    audit::{Found, TrialBalance},
    domain::{
        account::Event,
        entry::{Balances, Movement, Timestamp},
        ids::{AccountId, EntryId, RealmId},
        limits::Label,
    },
    journal::stream::StoredEvent,
};

pub(super) struct JsonLines<'w> {
    out: &'w mut (dyn io::Write + Send),
}

#[derive(Serialize)]
struct Line<'a> {
    entry_id: EntryId,
    account_id: AccountId,
    sequence: u64,
    realm_id: RealmId,
    #[serde(rename = "type")]
    kind: &'a str,
    currency: &'a str,
    effective_at: Timestamp,
    recorded_at: Timestamp,
    movements: &'a [Movement],
    after: &'a Balances,
    #[serde(skip_serializing_if = "Option::is_none")]
    refers_to: Option<EntryId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a Label>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

impl<'w> JsonLines<'w> {
    pub(super) fn new(out: &'w mut (dyn io::Write + Send)) -> Self {
        Self { out }
    }
}

impl Sheet for JsonLines<'_> {
    fn begin(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn entry(&mut self, stored: &StoredEvent, event: &Event) -> io::Result<()> {
        let entry = event.entry();
        let line = Line {
            entry_id: stored.id(),
            account_id: stored.account,
            sequence: stored.sequence,
            realm_id: stored.realm,
            kind: kind(stored),
            currency: &stored.currency,
            effective_at: entry.effective_at,
            recorded_at: stored.recorded_at,
            movements: &entry.movements,
            after: &entry.after,
            refers_to: event.refers_to(),
            reference: event.shape().reference,
            description: description(stored),
        };
        serde_json::to_writer(&mut *self.out, &line)?;
        writeln!(self.out)
    }

    fn account(&mut self, _: &Found) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, _: &[TrialBalance]) -> io::Result<()> {
        self.out.flush()
    }
}
