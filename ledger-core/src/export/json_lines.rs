//! JSON lines: one entry a line, with all that it holds.

use std::io;

use serde::Serialize;

use super::{Period, Sheet, Standing, description, kind};
use crate::{
    audit::{TrialBalance, TrialLine},
    domain::{
        account::Event,
        chart::Leg,
        entry::{Balances, Movement, Timestamp},
        ids::{AccountId, EntryId, RealmId},
        limits::Label,
        money::Money,
    },
    journal::stream::StoredEvent,
};

pub(super) struct JsonLines<'w> {
    out: &'w mut (dyn io::Write + Send),
    period: Period,
}

/// What stands on an account at one end of the period: of a customer what it has, of the platform debits less credits.
#[derive(Serialize)]
struct StandingLine<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<AccountId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform_account: Option<&'a str>,
    currency: &'a str,
    balance: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<Money>,
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
    pub(super) fn new(out: &'w mut (dyn io::Write + Send), period: Period) -> Self {
        Self { out, period }
    }

    fn write(&mut self, line: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut *self.out, line)?;
        writeln!(self.out)
    }

    fn customer(&mut self, kind: &'static str, at: Option<Timestamp>, of: &Standing) -> io::Result<()> {
        self.write(&StandingLine {
            kind,
            at,
            account_id: Some(of.account),
            sequence: Some(of.version),
            platform_account: None,
            currency: &of.currency,
            balance: of.total.to_string(),
            held: Some(of.held),
        })
    }

    fn platform(
        &mut self,
        kind: &'static str,
        at: Option<Timestamp>,
        sums: &[TrialBalance],
        of: fn(&TrialLine) -> &str,
    ) -> io::Result<()> {
        for TrialBalance { currency, lines, .. } in sums {
            for line in lines.iter().filter(|line| matches!(line.account.parse(), Ok(Leg::Platform(_)))) {
                self.write(&StandingLine {
                    kind,
                    at,
                    account_id: None,
                    sequence: None,
                    platform_account: Some(&line.account),
                    currency,
                    balance: of(line).to_owned(),
                    held: None,
                })?;
            }
        }
        Ok(())
    }
}

impl Sheet for JsonLines<'_> {
    fn begin(&mut self, sums: &[TrialBalance]) -> io::Result<()> {
        match self.period.from {
            Some(from) => self.platform("opening", Some(from), sums, |line| &line.opening),
            None => Ok(()),
        }
    }

    fn opening(&mut self, opening: &Standing) -> io::Result<()> {
        self.customer("opening", self.period.from, opening)
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
        self.write(&line)
    }

    fn closing(&mut self, closing: &Standing) -> io::Result<()> {
        if self.period.is_bounded {
            self.customer("closing", Some(self.period.last), closing)
        } else {
            Ok(())
        }
    }

    fn end(&mut self, sums: &[TrialBalance]) -> io::Result<()> {
        if self.period.is_bounded {
            self.platform("closing", Some(self.period.last), sums, |line| &line.balance)?;
        }
        self.out.flush()
    }
}
