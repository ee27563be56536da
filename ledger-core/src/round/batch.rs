//! A batch: a fold of requests over the accounts they name. Pure: what it decides depends on its arguments alone.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    Answer,
    draft::{Draft, Subject},
    request::{Key, Request},
};
use crate::{
    domain::{account::Rejection, entry::Timestamp, ids::AccountId},
    error::LedgerError,
    journal::{Commit, KeyFound, KeyOf, Loaded, Mark, Refusal},
    outcome::{Outcome, Receipt},
};

/// The accounts that are decided on, and what has been decided so far.
pub(crate) struct Batch {
    at: Timestamp,
    subjects: BTreeMap<AccountId, Subject>,
    outcomes: HashMap<KeyOf, KeyFound>,
    commit: Commit,
}

/// What one request comes to.
pub(crate) struct Decided {
    /// It holds once the batch is committed.
    pub(crate) answer: Answer,
    pub(crate) grounds: Grounds,
}

/// What an answer stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grounds {
    /// It is stored, and becomes the outcome of its key.
    Stored,
    /// It is known already, or the same whatever the account's state is.
    Known,
    /// Nothing is stored of it, so no fence of the append proves the state that it was decided on, nor that its key was free.
    Memory,
}

/// A batch taken apart.
pub(crate) struct Parts {
    /// The accounts as it leaves them.
    pub(crate) after: Vec<Loaded>,
    /// Those that it has changed, as they were before.
    pub(crate) before: Vec<Loaded>,
    pub(crate) outcomes: HashMap<KeyOf, KeyFound>,
}

impl Decided {
    fn sure(answer: Answer) -> Self {
        Self { answer, grounds: Grounds::Known }
    }

    fn in_doubt(answer: Answer) -> Self {
        Self { answer, grounds: Grounds::Memory }
    }
}

impl Batch {
    /// An empty batch, decided at a time, with refusals from before another forgotten.
    pub(crate) fn new(at: Timestamp, forgotten_before: Timestamp) -> Self {
        let commit = Commit { decided_at: at, forgotten_before, ..Commit::default() };
        Self { at, subjects: BTreeMap::new(), outcomes: HashMap::new(), commit }
    }

    /// Takes an account in.
    pub(crate) fn admit(&mut self, account: AccountId, subject: Subject) {
        self.subjects.insert(account, subject);
    }

    /// An account in it, as it is by now.
    pub(crate) fn subject(&self, account: AccountId) -> Option<&Subject> {
        self.subjects.get(&account)
    }

    pub(crate) fn holds(&self, account: AccountId) -> bool {
        self.subjects.contains_key(&account)
    }

    /// Takes in the outcome that a key has already.
    pub(crate) fn know(&mut self, key: KeyOf, found: KeyFound) {
        self.outcomes.entry(key).or_insert(found);
    }

    /// Gives it up: the accounts as they were before.
    pub(crate) fn scrap(self) -> impl Iterator<Item = Subject> {
        self.subjects.into_values().filter_map(Subject::undone)
    }

    /// Decides one request on what the ones before it have left.
    pub(crate) fn decide(&mut self, request: &Request) -> Decided {
        let draft = match self.subjects.get_mut(&request.account) {
            Some(Subject::Open(draft)) => draft,
            Some(Subject::Quarantined(realm)) if request.realm.is_none() || request.realm == *realm => {
                return Decided::sure(Err(LedgerError::Quarantined));
            }
            Some(Subject::Quarantined(_)) | None => return Decided::sure(Err(LedgerError::NotFound)),
        };
        match draft.realm() {
            None if !request.opens() => return Decided::in_doubt(Err(LedgerError::NotFound)),
            // A realm is for ever: whatever else has happened to the account, it is another's.
            Some(realm) if request.realm.is_some_and(|of| of != realm) => {
                return Decided::sure(Err(LedgerError::NotFound));
            }
            _ => {}
        }
        if let Some(key) = &request.key
            && let Some(found) = self.outcomes.get(&(request.account, key.hash))
        {
            return Decided::sure(answer(found, key));
        }
        if request.if_version.is_some_and(|version| version != draft.version()) {
            return Decided::in_doubt(Err(LedgerError::Stale));
        }
        match draft.decide(self.at, request) {
            Ok(events) if request.dry_run => Decided::in_doubt(draft.foresee(self.at, &events)),
            Ok(events) => {
                let (receipt, stored) = draft.store(self.at, &events, request);
                self.commit.events.extend(stored);
                self.settle(request, Ok(receipt))
            }
            Err(LedgerError::Rejected { rejection, .. }) => self.refuse(request, rejection),
            Err(error) => Decided::in_doubt(Err(error)),
        }
    }

    fn refuse(&mut self, request: &Request, rejection: Rejection) -> Decided {
        if let Rejection::NotOpen = rejection {
            return Decided::in_doubt(Err(LedgerError::NotFound));
        }
        let refused = |rejection| Err(LedgerError::Rejected { rejection, replayed: false });
        let Some(Key { hash: key_hash, request_hash }) = request.key.filter(|_| rejection.is_outcome())
        else {
            return Decided::in_doubt(refused(rejection));
        };
        let Some(Subject::Open(draft)) = self.subjects.get_mut(&request.account) else {
            return Decided::in_doubt(refused(rejection));
        };
        // A refusal can only be stored on an account that has a row; the one that opens it is never refused by the rules.
        if draft.realm().is_none() {
            return Decided::in_doubt(refused(rejection));
        }
        draft.refuse();
        let (account, at) = (request.account, self.at);
        self.commit.refusals.push(Refusal {
            account,
            key_hash,
            request_hash,
            rejection: rejection.clone(),
            at,
        });
        self.settle(request, Err(rejection))
    }

    /// Makes the result the key's outcome, for the requests after it.
    fn settle(&mut self, request: &Request, result: Result<Receipt, Rejection>) -> Decided {
        if let Some(Key { hash, request_hash }) = request.key {
            let outcome = Outcome { request_hash, result: result.clone(), at: self.at };
            self.outcomes.insert((request.account, hash), Ok(outcome));
        }
        let refused = |rejection| LedgerError::Rejected { rejection, replayed: false };
        Decided { answer: result.map_err(refused), grounds: Grounds::Stored }
    }

    /// What to append: one move for each account that has new events or refusals.
    pub(crate) fn finish(&mut self) -> Commit {
        let mut commit = std::mem::take(&mut self.commit);
        commit.moves = self.drafts().filter_map(|draft| draft.moved(self.at)).collect();
        check(&commit);
        commit
    }

    fn drafts(&self) -> impl Iterator<Item = &Draft> {
        self.subjects.values().filter_map(|subject| match subject {
            Subject::Open(draft) => Some(&**draft),
            Subject::Quarantined(_) => None,
        })
    }

    /// By what the states that it started from are known.
    pub(crate) fn bases(&self) -> Vec<Mark> {
        self.drafts().map(Draft::base).collect()
    }

    /// What it leaves once it is committed.
    pub(crate) fn into_parts(self) -> Parts {
        let mut parts = Parts { after: Vec::new(), before: Vec::new(), outcomes: self.outcomes };
        for subject in self.subjects.into_values() {
            if let Subject::Open(draft) = subject {
                let (after, before) = draft.into_parts();
                parts.after.push(after);
                parts.before.extend(before);
            }
        }
        parts
    }
}

/// The answer to a call with a key that has its outcome.
pub(crate) fn answer(found: &KeyFound, key: &Key) -> Answer {
    match found {
        Ok(outcome) => outcome.answer(key.request_hash),
        // A newer release knows which. Nothing happens here, and the same key will tell there.
        Err(_) => Err(LedgerError::Unavailable(None)),
    }
}

/// What a commit must be, whatever was decided: the append and its fences take it for granted.
fn check(commit: &Commit) {
    let Commit { moves, events, refusals, .. } = commit;
    assert!(
        moves.is_sorted_by(|one, two| one.account < two.account),
        "rows are locked in the order of ids, each once"
    );
    let mut next: HashMap<AccountId, u64> = HashMap::new();
    let mut keys = HashSet::new();
    for each in moves {
        let base = each.base.as_ref().map_or(0, |base| base.row.balance_version);
        assert!(each.row.balance_version >= base, "no account goes back");
        next.insert(each.account, base + 1);
    }
    for event in events {
        let expected = next.get_mut(&event.account).expect("an event moves its account");
        assert_eq!(event.sequence, *expected, "the stream of {} has no gap", event.account);
        *expected += 1;
        assert!(event.key_hash.is_none_or(|key| keys.insert((event.account, key))), "a key acts once");
    }
    for each in moves {
        assert_eq!(
            next[&each.account],
            each.row.balance_version + 1,
            "each row is as its last event left it"
        );
    }
    for refusal in refusals {
        assert!(next.contains_key(&refusal.account), "a refusal moves its account");
        assert!(keys.insert((refusal.account, refusal.key_hash)), "a key has one outcome");
    }
}

#[cfg(test)]
mod tests;
