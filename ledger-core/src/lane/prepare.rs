//! Bringing along what an account lacks before it can be decided on: its stream, facts, outcomes of keys. Off the lane, and
//! without locks: whatever does not fit together is left to the locked round.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use sqlx::{PgConnection, PgPool};

use crate::{
    domain::{
        account::{Facts, Question},
        chain::ShortHash,
        entry::Timestamp,
        ids::AccountId,
    },
    journal::{Found, KeyFound, KeyOf, Loaded, TAIL_EVENTS_MAX, fetch_facts, fetch_outcomes, load},
    pools::{Patience, with_connection},
    round::draft::{Asked, Draft, Subject},
};

/// How long the accounts of a group may take together; and one long stream alone.
const GROUP_TIMEOUT: Duration = Duration::from_secs(12);
const ALONE_TIMEOUT: Duration = Duration::from_secs(600);

/// What is wanted of one account.
pub(super) struct Want {
    /// The account, if it is known already.
    pub(super) loaded: Option<Loaded>,
    pub(super) questions: BTreeSet<Question>,
    pub(super) keys: BTreeSet<ShortHash>,
}

/// What is brought along.
pub(super) struct Prepared {
    pub(super) accounts: Vec<(AccountId, Condition)>,
    pub(super) found: Vec<(KeyOf, KeyFound)>,
}

/// How an account was found.
pub(super) enum Condition {
    Ready(Subject),
    /// There is more to read than the others of its group should wait for.
    Long,
    /// What was read does not fit together: to be looked at under locks, from as far as it holds.
    Contested(Box<Loaded>),
}

/// Reads a group of accounts, or one alone, however long its stream is.
pub(super) async fn prepare(
    pool: &PgPool,
    wants: BTreeMap<AccountId, Want>,
    is_alone: bool,
    forgotten_before: Timestamp,
) -> sqlx::Result<Prepared> {
    let timeout = if is_alone { ALONE_TIMEOUT } else { GROUP_TIMEOUT };
    let tail_max = if is_alone { u64::MAX } else { TAIL_EVENTS_MAX };
    with_connection(pool, Patience(timeout), move |connection| {
        Box::pin(bring(connection, wants, tail_max, forgotten_before))
    })
    .await
}

async fn bring(
    connection: &mut PgConnection,
    wants: BTreeMap<AccountId, Want>,
    tail_max: u64,
    forgotten_before: Timestamp,
) -> sqlx::Result<Prepared> {
    let (mut known, mut cold, mut asked) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for (account, want) in wants {
        asked.insert(account, (want.questions, want.keys));
        match want.loaded {
            Some(loaded) => drop(known.insert(account, Found::Loaded(Box::new(loaded)))),
            None => drop(cold.insert(account, None)),
        }
    }
    if !cold.is_empty() {
        known.extend(load(connection, cold, tail_max).await?);
    }
    let is_loaded = |account: &AccountId| matches!(known.get(account), Some(Found::Loaded(_)));
    let questions: Vec<(AccountId, Question)> = each(&asked, |(questions, _)| questions, is_loaded);
    let keys: Vec<KeyOf> = each(&asked, |(_, keys)| keys, is_loaded);
    let mut facts = fetch_facts(connection, &questions).await?;
    let found = fetch_outcomes(connection, &keys, forgotten_before).await?;
    let taken: BTreeSet<KeyOf> = found.iter().map(|(key, _)| *key).collect();

    let mut accounts = Vec::new();
    for (account, state) in known {
        let (questions, mut keys) = asked.remove(&account).unwrap_or_default();
        keys.retain(|key| !taken.contains(&(account, *key)));
        let facts = facts.remove(&account).unwrap_or_else(|| Ok(Facts::default()));
        let condition = match (state, facts) {
            (Found::Loaded(loaded), Ok(facts)) => {
                let asked = Asked { facts, questions, free_keys: keys };
                Condition::Ready(Subject::Open(Box::new(Draft::new(*loaded, asked))))
            }
            (Found::Loaded(loaded), Err(_)) => Condition::Contested(loaded),
            (Found::Differs(disagreement), _) => Condition::Contested(Box::new(disagreement.loaded)),
            (Found::Quarantined(realm), _) => Condition::Ready(Subject::Quarantined(Some(realm))),
            (Found::Unreadable(realm, reason), _) => {
                tracing::error!(%account, reason, "an account cannot be read by this release");
                Condition::Ready(Subject::Quarantined(realm))
            }
            (Found::Long, _) => Condition::Long,
        };
        accounts.push((account, condition));
    }
    Ok(Prepared { accounts, found })
}

/// Everything that is asked of the accounts that were loaded, side by side.
fn each<A, T: Clone>(
    asked: &BTreeMap<AccountId, A>,
    of: impl Fn(&A) -> &BTreeSet<T>,
    is_loaded: impl Fn(&AccountId) -> bool,
) -> Vec<(AccountId, T)> {
    let loaded = asked.iter().filter(|(account, _)| is_loaded(account));
    loaded.flat_map(|(account, asked)| of(asked).iter().map(|one| (*account, one.clone()))).collect()
}
