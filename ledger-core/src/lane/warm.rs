//! What a lane remembers between rounds. All of it can be dropped at any time: the journal has it too.

use std::{
    collections::HashMap,
    hash::Hash,
    num::NonZeroUsize,
    time::{Duration, Instant},
};

use lru::LruCache;

use crate::{
    domain::{entry::Timestamp, ids::AccountId},
    journal::{KeyFound, KeyOf, Loaded},
    round::draft::Subject,
};

/// Accounts kept in memory by one lane.
const WARM_ACCOUNTS_MAX: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();
/// Recent keys kept in memory by one lane, over all its accounts.
const RECENT_KEYS_MAX: NonZeroUsize = NonZeroUsize::new(65_536).unwrap();
/// Accounts that a lane watches at once; the one that was quiet longest makes room.
const WATCHED_ACCOUNTS_MAX: NonZeroUsize = NonZeroUsize::new(16_384).unwrap();
/// How long an account is watched after the last thing that happened on it.
const WATCHED_FOR: Duration = Duration::from_secs(1);

pub(super) struct Warm {
    accounts: LruCache<AccountId, Subject>,
    recent: LruCache<KeyOf, KeyFound>,
    /// Accounts that met another process: they go by row locks until they have been quiet for a while.
    contended: Watched,
    /// Accounts that met a key with an outcome: their keys are asked for first, so that a flood of duplicates is decided once.
    repeated: Watched,
}

struct Watched(LruCache<AccountId, Instant>);

impl Watched {
    fn note(&mut self, account: AccountId) {
        put(&mut self.0, WATCHED_ACCOUNTS_MAX, account, Instant::now());
    }

    fn is_noted(&self, account: AccountId) -> bool {
        self.0.peek(&account).is_some_and(|at| at.elapsed() < WATCHED_FOR)
    }
}

impl Default for Warm {
    fn default() -> Self {
        // Unbounded maps that grow as they are used, bounded by hand: a bounded one allocates it all at once.
        Self {
            accounts: LruCache::unbounded(),
            recent: LruCache::unbounded(),
            contended: Watched(LruCache::unbounded()),
            repeated: Watched(LruCache::unbounded()),
        }
    }
}

impl Warm {
    pub(super) fn subject(&self, account: AccountId) -> Option<&Subject> {
        self.accounts.peek(&account)
    }

    /// Hands an account over to a round, which gives it back as it leaves it.
    pub(super) fn take(&mut self, account: AccountId) -> Option<Subject> {
        self.accounts.pop(&account)
    }

    /// Hands over what is known of an account, for an errand to go on from.
    pub(super) fn take_loaded(&mut self, account: AccountId) -> Option<Loaded> {
        match self.take(account)? {
            Subject::Open(draft) => Some(draft.into_loaded()),
            Subject::Quarantined(_) => None,
        }
    }

    pub(super) fn keep(&mut self, account: AccountId, subject: Subject) {
        put(&mut self.accounts, WARM_ACCOUNTS_MAX, account, subject);
    }

    pub(super) fn keep_subject(&mut self, subject: Subject) {
        if let Subject::Open(draft) = &subject {
            self.keep(draft.id(), subject);
        }
    }

    /// Keeps an account that somebody has opened. What was asked of the journal is not kept: it would have to be kept current.
    pub(super) fn keep_loaded(&mut self, loaded: Loaded) {
        if loaded.version() > 0 {
            self.keep_subject(Subject::open(loaded));
        } else {
            self.forget(loaded.id());
        }
    }

    pub(super) fn forget(&mut self, account: AccountId) {
        self.accounts.pop(&account);
    }

    /// Another server may not have what this one has acknowledged.
    pub(super) fn forget_all(&mut self) {
        *self = Self::default();
    }

    pub(super) fn outcome(&mut self, key: &KeyOf, forgotten_before: Timestamp) -> Option<KeyFound> {
        let found = self.recent.get(key)?;
        // One that this release cannot read binds all the same.
        let binds = found.as_ref().map_or(true, |outcome| outcome.holds(forgotten_before));
        binds.then(|| found.clone())
    }

    pub(super) fn knows(&self, key: &KeyOf) -> bool {
        self.recent.contains(key)
    }

    pub(super) fn learn(&mut self, outcomes: HashMap<KeyOf, KeyFound>) {
        for (key, found) in outcomes {
            put(&mut self.recent, RECENT_KEYS_MAX, key, found);
        }
    }

    /// What a round that was not stored has left here.
    pub(super) fn unlearn(&mut self, key: &KeyOf) {
        self.recent.pop(key);
    }

    pub(super) fn note_contended(&mut self, account: AccountId) {
        self.contended.note(account);
    }

    pub(super) fn is_contended(&self, account: AccountId) -> bool {
        self.contended.is_noted(account)
    }

    pub(super) fn note_repeated(&mut self, account: AccountId) {
        self.repeated.note(account);
    }

    pub(super) fn is_repeated(&self, account: AccountId) -> bool {
        self.repeated.is_noted(account)
    }
}

fn put<K: Hash + Eq, V>(cache: &mut LruCache<K, V>, most: NonZeroUsize, key: K, value: V) {
    cache.put(key, value);
    if cache.len() > most.get() {
        cache.pop_lru();
    }
}
