//! What a caller wishes for, with everything that will be stored beside its event.

use crate::domain::{
    account::{Command, Event, Question},
    chain::{SealedNote, ShortHash},
    ids::{AccountId, RealmId},
};

/// One caller's wish.
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
    pub(crate) fn keyed(&self) -> Option<(AccountId, ShortHash)> {
        self.key.map(|key| (self.account, key.hash))
    }

    /// What must be known before this can be decided.
    pub(crate) fn asks(&self) -> Vec<Question> {
        match &self.intent {
            Intent::Decide(command) => command.asks().into_iter().collect(),
            Intent::Store { events, .. } => events.iter().filter_map(Event::asks).collect(),
        }
    }

    pub(crate) fn opens(&self) -> bool {
        match &self.intent {
            Intent::Decide(command) => matches!(command, Command::Open(_)),
            Intent::Store { base_version, .. } => *base_version == 0,
        }
    }
}
