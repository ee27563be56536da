//! What a lane remembers between batches. All of it can be dropped at any time: the journal has it too.

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    time::{Duration, Instant},
};

use lru::LruCache;

use super::batch::Batch;
use crate::{
    domain::{chain::ShortHash, entry::Timestamp, ids::AccountId},
    journal::stream::Stream,
    outcome::{Outcome, Outcomes},
};

/// Accounts kept in memory by one lane.
const WARM_ACCOUNTS_MAX: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();
/// Recent keys kept in memory by one lane, over all its accounts.
const RECENT_KEYS_MAX: NonZeroUsize = NonZeroUsize::new(65_536).unwrap();
/// An account that met another process goes by row locks until it has been quiet for this long.
const CONTENDED_FOR: Duration = Duration::from_secs(1);
/// After this many refusing batches of one account its old refusals are cleared away.
const REFUSING_BATCHES: u64 = 1_000;

/// An account, the end of its chain, and how often a batch has refused it something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) stream: Stream,
    pub(super) decisions: u64,
}

pub(super) struct Warm {
    standings: LruCache<AccountId, Standing>,
    recent: LruCache<(AccountId, ShortHash), Outcome>,
    contended: HashMap<AccountId, Instant>,
}

impl Default for Warm {
    fn default() -> Self {
        Self {
            // Unbounded maps that grow as they are used, bounded by hand: a bounded one allocates it all at once.
            standings: LruCache::unbounded(),
            recent: LruCache::unbounded(),
            contended: HashMap::new(),
        }
    }
}

impl Warm {
    pub(super) fn standing(&mut self, account: AccountId) -> Option<Standing> {
        self.standings.get(&account).cloned()
    }

    /// Keeps what was just read from the journal. If it is not what was expected, another process writes here too.
    pub(super) fn keep(&mut self, standing: Standing) {
        let account = standing.stream.id;
        if self.standings.peek(&account).is_some_and(|before| *before != standing) {
            self.contended.insert(account, Instant::now());
        }
        put(&mut self.standings, WARM_ACCOUNTS_MAX, account, standing);
    }

    pub(super) fn forget(&mut self, account: AccountId) {
        self.standings.pop(&account);
    }

    pub(super) fn is_contended(&mut self, account: AccountId) -> bool {
        match self.contended.get(&account) {
            Some(met_at) if met_at.elapsed() < CONTENDED_FOR => true,
            Some(_) => {
                self.contended.remove(&account);
                false
            }
            None => false,
        }
    }

    pub(super) fn outcomes(
        &mut self,
        keys: &[(AccountId, ShortHash)],
        forgotten_before: Timestamp,
    ) -> Outcomes {
        let known = keys.iter().filter_map(|key| Some((*key, self.recent.get(key)?.clone())));
        known.filter(|(_, outcome)| outcome.holds(forgotten_before)).collect()
    }

    /// Takes over what a committed batch has left. Returns the accounts whose old refusals should be cleared away.
    pub(super) fn absorb(&mut self, batch: Batch) -> Vec<AccountId> {
        let (standings, outcomes) = batch.into_parts();
        for (key, outcome) in outcomes {
            put(&mut self.recent, RECENT_KEYS_MAX, key, outcome);
        }
        let mut crowded = Vec::new();
        for (base_decisions, standing) in standings {
            let account = standing.stream.id;
            if standing.decisions != base_decisions && standing.decisions.is_multiple_of(REFUSING_BATCHES) {
                crowded.push(account);
            }
            put(&mut self.standings, WARM_ACCOUNTS_MAX, account, standing);
        }
        crowded
    }
}

fn put<K: std::hash::Hash + Eq, V>(cache: &mut LruCache<K, V>, most: NonZeroUsize, key: K, value: V) {
    cache.put(key, value);
    if cache.len() > most.get() {
        cache.pop_lru();
    }
}
