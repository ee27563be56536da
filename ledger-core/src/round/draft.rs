//! A draft: what a batch makes of one account. Nothing of it counts before the batch is committed.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use cqrs_es::DomainEvent;

use super::{
    Answer,
    request::{Intent, Request},
};
use crate::{
    domain::{
        account::{Event, Facts, Instruction, Question},
        chain::ShortHash,
        entry::Timestamp,
        ids::{AccountId, EntryId, RealmId},
        projection::BalanceRow,
    },
    error::LedgerError,
    journal::{Base, Loaded, Mark, Move, stream::StoredEvent},
    outcome::Receipt,
};

/// How far the time of somebody else's decision may be ahead of ours: a lane's clock lags the database's by an answer's way.
const STORE_AHEAD_MAX: TimeDelta = TimeDelta::seconds(5);

/// An account that requests name.
pub(crate) enum Subject {
    Open(Box<Draft>),
    /// Out of service. If its realm is known, then to a stranger it is absent like any other.
    Quarantined(Option<RealmId>),
}

impl Subject {
    /// An account of which nothing else is known.
    pub(crate) fn open(loaded: Loaded) -> Self {
        Self::Open(Box::new(Draft::new(loaded, Asked::default())))
    }

    /// As it was before a batch began with it; `None` for one that must be looked at anew.
    pub(super) fn undone(self) -> Option<Self> {
        match self {
            Self::Open(draft) => Some(match draft.before {
                Some(before) => Self::open(before),
                None => Self::Open(draft),
            }),
            Self::Quarantined(_) => None,
        }
    }
}

/// What has been asked of the journal about an account, beside the account itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The answers to the questions below.
    pub(crate) facts: Facts,
    /// What was asked, whether there is an answer or not.
    pub(crate) questions: BTreeSet<Question>,
    /// Keys that had no outcome.
    pub(crate) free_keys: BTreeSet<ShortHash>,
}

/// An account, and what the batch has made of it so far.
pub(crate) struct Draft {
    loaded: Loaded,
    /// What it was before the batch changed it; `None` while it is that.
    before: Option<Loaded>,
    pub(crate) asked: Asked,
}

impl Draft {
    pub(crate) fn new(loaded: Loaded, asked: Asked) -> Self {
        Self { loaded, before: None, asked }
    }

    pub(crate) fn into_loaded(self) -> Loaded {
        self.loaded
    }

    pub(crate) fn loaded_mut(&mut self) -> &mut Loaded {
        &mut self.loaded
    }

    pub(crate) fn id(&self) -> AccountId {
        self.loaded.id()
    }

    pub(crate) fn version(&self) -> u64 {
        self.loaded.version()
    }

    /// Its realm; `None` while nobody has opened it.
    pub(crate) fn realm(&self) -> Option<RealmId> {
        self.loaded.stream.account.holder.map(|holder| holder.owner.realm())
    }

    pub(super) fn decide(&self, at: Timestamp, request: &Request) -> Result<Vec<Event>, LedgerError> {
        let account = &self.loaded.stream.account;
        match &request.intent {
            Intent::Decide(command) => {
                let instruction = Instruction { at, command: command.clone() };
                let refused = |rejection| LedgerError::Rejected { rejection, replayed: false };
                account.decide(&instruction, &self.asked.facts).map_err(refused)
            }
            Intent::Store { base_version, events } => {
                if *base_version != account.version || events.is_empty() {
                    return Err(LedgerError::Stale);
                }
                // Somebody else decided these. They are taken only if this account decides the same.
                account.admits(self.loaded.id(), events, &self.asked.facts, at + STORE_AHEAD_MAX)?;
                Ok(events.clone())
            }
        }
    }

    /// What the events would come to, without taking them in.
    pub(super) fn foresee(&self, at: Timestamp, events: &[Event]) -> Answer {
        let mut account = self.loaded.stream.account.clone();
        for event in events {
            account.fold(event).expect("a decided event follows from the account it was decided on");
        }
        let (event, holder) = events.last().zip(account.holder).expect("a decision is at least one event");
        Ok(Receipt::new(self.loaded.id(), holder.currency, account.version, event.clone(), at))
    }

    /// Turns events into rows that follow the stream, and takes them in. The last one answers the request and bears its key.
    pub(super) fn store(
        &mut self,
        at: Timestamp,
        events: &[Event],
        request: &Request,
    ) -> (Receipt, Vec<StoredEvent>) {
        self.keep_before();
        let last = events.len() - 1;
        let rows: Vec<StoredEvent> = events
            .iter()
            .enumerate()
            .map(|(idx, event)| self.store_one(at, event, request, idx == last))
            .collect();
        let (event, row) = (&events[last], &rows[last]);
        let currency = self.loaded.stream.account.holder.expect("an account with an event is open").currency;
        let receipt = Receipt::new(row.account, currency, row.sequence, event.clone(), row.recorded_at);
        (receipt, rows)
    }

    fn store_one(&mut self, at: Timestamp, event: &Event, request: &Request, answers: bool) -> StoredEvent {
        let stream = &mut self.loaded.stream;
        stream.account.fold(event).expect("a decided event follows from the account it was decided on");
        let holder = stream.account.holder.expect("an account with an event is open");
        let key = request.key.filter(|_| answers);
        let note = request.note.as_ref().filter(|_| answers);
        let mut stored = StoredEvent {
            account: stream.id,
            sequence: stream.account.version,
            realm: holder.owner.realm(),
            currency: holder.currency.into(),
            event_type: event.event_type(),
            event_version: event.event_version(),
            payload: serde_json::to_string(event).expect("an event is plain JSON"),
            metadata: request.metadata.clone(),
            key_hash: key.map(|key| key.hash),
            request_hash: key.map(|key| key.request_hash),
            ref_sequence: event.refers_to().map(EntryId::sequence),
            note: note.map(|note| note.text.clone()),
            note_digest: note.map(|note| note.digest),
            recorded_at: at.max(stream.recorded_at).max(event.entry().at),
            hash: [0; 32],
        };
        stored.hash = stored.link(&stream.head).hash();
        stream.head = stored.hash;
        stream.recorded_at = stored.recorded_at;
        self.asked.facts.learn(stored.sequence, event);
        stored
    }

    /// Takes note that the batch refuses it something, so that a refusal decided on another state cannot be stored.
    pub(super) fn refuse(&mut self) {
        self.keep_before();
        let before = self.before.as_ref().map_or(0, |before| before.decisions);
        self.loaded.decisions = before + 1;
    }

    fn keep_before(&mut self) {
        if self.before.is_none() {
            self.before = Some(self.loaded.clone());
        }
    }

    /// The row from what it was to what it is, unless it is that still.
    pub(super) fn moved(&self, at: Timestamp) -> Option<Move> {
        let before = self.before.as_ref()?;
        let Loaded { stream, decisions, .. } = &self.loaded;
        Some(Move {
            account: stream.id,
            currency: stream.account.holder?.currency,
            base: Base::of(before),
            row: BalanceRow::of(&stream.account)?,
            decisions: *decisions,
            head: stream.head,
            at: at.max(stream.recorded_at),
        })
    }

    /// The account as the batch leaves it, and as it was before if that is something else.
    pub(super) fn into_parts(self) -> (Loaded, Option<Loaded>) {
        match self.before {
            Some(before) => {
                let row_head = Some(self.loaded.stream.head);
                (Loaded { row_head, ..self.loaded }, Some(before))
            }
            None => (self.loaded, None),
        }
    }

    /// By what the state that the batch started from is known.
    pub(crate) fn base(&self) -> Mark {
        self.before.as_ref().unwrap_or(&self.loaded).mark()
    }
}
