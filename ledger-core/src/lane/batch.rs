//! A batch: a fold of requests over the accounts they name. Pure: what it decides depends on its arguments alone.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use cqrs_es::DomainEvent;

use super::{Answer, warm::Standing};
use crate::{
    domain::{
        account::{Command, Event, Facts, Instruction, Rejection},
        chain::{SealedNote, ShortHash},
        entry::Timestamp,
        ids::{AccountId, EntryId, RealmId},
        money::Currency,
        projection::BalanceRow,
    },
    error::LedgerError,
    journal::{Commit, Move, Refusal, stream::StoredEvent},
    outcome::{Outcome, Outcomes, Receipt},
};

/// How far the time of somebody else's decision may be ahead of ours: a lane's clock lags the database's by an answer's way.
const STORE_AHEAD_MAX: TimeDelta = TimeDelta::seconds(5);

/// One caller's wish, with everything that will be stored beside its event.
pub(crate) struct Request {
    pub(crate) account: AccountId,
    /// The realm that the caller is confined to; the platform is not.
    pub(crate) realm: Option<RealmId>,
    pub(crate) intent: Intent,
    pub(crate) key: Option<Key>,
    /// Flat JSON text.
    pub(crate) metadata: String,
    pub(crate) note: Option<SealedNote>,
    /// The only version of the account that this may act on.
    pub(crate) if_version: Option<u64>,
    /// Whether only to tell what would happen.
    pub(crate) dry_run: bool,
}

pub(crate) enum Intent {
    Decide(Command),
    /// Events that a stock framework has decided on the account as it was at this version.
    Store {
        base_version: u64,
        events: Vec<Event>,
    },
}

#[derive(Clone, Copy)]
pub(crate) struct Key {
    pub(crate) hash: ShortHash,
    pub(crate) request_hash: ShortHash,
}

impl Request {
    pub(super) fn keyed(&self) -> Option<(AccountId, ShortHash)> {
        self.key.map(|key| (self.account, key.hash))
    }

    /// The entry that must be known before this can be decided.
    pub(super) fn refers_to(&self) -> Option<(AccountId, EntryId)> {
        match &self.intent {
            Intent::Decide(command) => Some((self.account, command.refers_to()?)),
            Intent::Store { .. } => None,
        }
    }
}

/// An account in a batch.
pub(super) enum Place {
    Open(Box<Desk>),
    /// Out of service. Its realm is known, so that to a stranger it is absent like any other.
    Quarantined(RealmId),
}

/// What the batch knows of one account, and where it started from.
pub(super) struct Desk {
    standing: Standing,
    base_version: u64,
    base_decisions: u64,
    facts: Facts,
}

impl Place {
    pub(super) fn of(standing: Standing) -> Self {
        let (base_version, base_decisions) = (standing.stream.account.version, standing.decisions);
        Self::Open(Box::new(Desk { standing, base_version, base_decisions, facts: Facts::default() }))
    }

    pub(super) fn learn(&mut self, facts: Facts) {
        if let Self::Open(desk) = self {
            desk.facts = facts;
        }
    }
}

pub(super) struct Batch {
    at: Timestamp,
    places: BTreeMap<AccountId, Place>,
    outcomes: Outcomes,
    commit: Commit,
}

impl Batch {
    pub(super) fn new(at: Timestamp, places: BTreeMap<AccountId, Place>, outcomes: Outcomes) -> Self {
        Self { at, places, outcomes, commit: Commit::default() }
    }

    /// Decides one request on what the ones before it have left. The answer holds once the batch is committed.
    pub(super) fn decide(&mut self, request: &Request) -> Answer {
        let desk = match self.places.get_mut(&request.account) {
            Some(Place::Open(desk)) => desk,
            Some(Place::Quarantined(realm)) if request.realm.is_none_or(|of| of == *realm) => {
                return Err(LedgerError::Quarantined);
            }
            Some(Place::Quarantined(_)) | None => return Err(LedgerError::NotFound),
        };
        if !desk.is_visible_to(request) {
            return Err(LedgerError::NotFound);
        }
        if let Some(key) = &request.key
            && let Some(outcome) = self.outcomes.get(&(request.account, key.hash))
        {
            return outcome.answer(key.request_hash);
        }
        if request.if_version.is_some_and(|version| version != desk.standing.stream.account.version) {
            return Err(LedgerError::Stale);
        }
        let result = match desk.decide(self.at, &request.intent) {
            Ok(events) if request.dry_run => {
                let event = events.last().ok_or(LedgerError::Stale)?;
                let sequence = desk.standing.stream.account.version + events.len() as u64;
                let currency = desk.currency(event).ok_or(LedgerError::NotFound)?;
                return Ok(Receipt::new(request.account, currency, sequence, event.clone(), self.at));
            }
            Ok(events) => {
                let stored = desk.store(self.at, &events, request);
                let (event, last) = events.last().zip(stored.last()).ok_or(LedgerError::Stale)?;
                let currency = desk.currency(event).ok_or(LedgerError::NotFound)?;
                let (sequence, recorded_at) = (last.sequence, last.recorded_at);
                let receipt = Receipt::new(request.account, currency, sequence, event.clone(), recorded_at);
                self.commit.events.extend(stored);
                Ok(receipt)
            }
            Err(LedgerError::Rejected { rejection, .. }) if rejection.is_outcome() => {
                if let Some(Key { hash: key_hash, request_hash }) = request.key {
                    desk.standing.decisions = desk.base_decisions + 1;
                    let (account, rejection) = (request.account, rejection.clone());
                    self.commit.refusals.push(Refusal {
                        account,
                        key_hash,
                        request_hash,
                        rejection,
                        at: self.at,
                    });
                }
                Err(rejection)
            }
            Err(LedgerError::Rejected { rejection: Rejection::NotOpen, .. }) => {
                return Err(LedgerError::NotFound);
            }
            Err(error) => return Err(error),
        };
        if let Some(Key { hash, request_hash }) = request.key {
            let outcome = Outcome { request_hash, result: result.clone(), at: self.at };
            self.outcomes.insert((request.account, hash), outcome);
        }
        result.map_err(|rejection| LedgerError::Rejected { rejection, replayed: false })
    }

    /// What to append: one move for each account that has new events or refusals.
    pub(super) fn commit(&mut self) -> &Commit {
        let desks = self.places.values().filter_map(|place| match place {
            Place::Open(desk) => Some(desk),
            Place::Quarantined(_) => None,
        });
        let at = self.at;
        self.commit.moves = desks.filter_map(|desk| desk.moved(at)).collect();
        &self.commit
    }

    /// The standings with the decisions they started from, and the outcomes, once the batch is committed.
    pub(super) fn into_parts(self) -> (Vec<(u64, Standing)>, Outcomes) {
        let standings = self.places.into_values().filter_map(|place| match place {
            Place::Open(desk) if desk.standing.stream.account.holder.is_some() => {
                Some((desk.base_decisions, desk.standing))
            }
            Place::Open(_) | Place::Quarantined(_) => None,
        });
        (standings.collect(), self.outcomes)
    }
}

impl Desk {
    /// An account that is not open, or in another realm, is *not found*, unless it is to be opened.
    fn is_visible_to(&self, request: &Request) -> bool {
        match (self.standing.stream.account.holder, request.realm) {
            (None, _) => request.opens(),
            (Some(_), None) => true,
            (Some(holder), Some(realm)) => holder.owner.realm() == realm,
        }
    }

    fn decide(&self, at: Timestamp, intent: &Intent) -> Result<Vec<Event>, LedgerError> {
        let account = &self.standing.stream.account;
        match intent {
            Intent::Decide(command) => {
                let instruction = Instruction { at, command: command.clone() };
                let refused = |rejection| LedgerError::Rejected { rejection, replayed: false };
                account.decide(&instruction, &self.facts).map_err(refused)
            }
            Intent::Store { base_version, events } => {
                // Somebody else decided these. They are taken only if they follow, and only if their time has come.
                let mut trial = account.clone();
                let latest = at + STORE_AHEAD_MAX;
                let follow =
                    events.iter().all(|event| event.entry().at <= latest && trial.fold(event).is_ok());
                if *base_version == account.version && follow {
                    Ok(events.clone())
                } else {
                    Err(LedgerError::Stale)
                }
            }
        }
    }

    /// What the account counts in, or will once this event has opened it.
    fn currency(&self, event: &Event) -> Option<Currency> {
        if let Event::Opened(opened) = event {
            return Some(opened.currency);
        }
        self.standing.stream.account.holder.map(|holder| holder.currency)
    }

    /// Turns events into rows that follow the stream, and takes them in. The last one answers the request and bears its key.
    fn store(&mut self, at: Timestamp, events: &[Event], request: &Request) -> Vec<StoredEvent> {
        let Some(last) = events.len().checked_sub(1) else { return Vec::new() };
        let row = |(idx, event)| self.store_one(at, event, request, idx == last);
        events.iter().enumerate().map(row).collect()
    }

    fn store_one(&mut self, at: Timestamp, event: &Event, request: &Request, answers: bool) -> StoredEvent {
        let stream = &mut self.standing.stream;
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
        self.facts.learn(stored.sequence, event);
        stored
    }

    fn moved(&self, at: Timestamp) -> Option<Move> {
        let Standing { stream, decisions } = &self.standing;
        if (stream.account.version, *decisions) == (self.base_version, self.base_decisions) {
            return None;
        }
        Some(Move {
            account: stream.id,
            currency: stream.account.holder?.currency,
            base_version: self.base_version,
            base_decisions: self.base_decisions,
            decisions: *decisions,
            row: BalanceRow::of(&stream.account)?,
            at: at.max(stream.recorded_at),
        })
    }
}

impl Request {
    fn opens(&self) -> bool {
        match &self.intent {
            Intent::Decide(command) => matches!(command, Command::Open(_)),
            Intent::Store { base_version, .. } => *base_version == 0,
        }
    }
}

/// Whether the answer is a refusal that nothing is stored of.
pub(super) fn leaves_key_unused(answer: &Answer) -> bool {
    match answer {
        Err(LedgerError::Rejected { rejection, .. }) => !rejection.is_outcome(),
        Err(LedgerError::Stale) => true,
        // The rest is either stored, or the key's outcome already, or the same whatever the key has done.
        Ok(_)
        | Err(
            LedgerError::NotFound
            | LedgerError::KeyReused { .. }
            | LedgerError::Invalid(_)
            | LedgerError::Busy
            | LedgerError::Quarantined
            | LedgerError::Unavailable(_)
            | LedgerError::Unsafe(_),
        ) => false,
    }
}

#[cfg(test)]
mod tests;
