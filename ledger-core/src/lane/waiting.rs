//! Jobs in front of a lane. Accounts take turns, so that one customer's flood delays the others by one job each.

use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::{domain::ids::AccountId, round::Job};

/// Jobs of one account that may wait; the next one is told to try again, and the other accounts keep their room.
const ACCOUNT_JOBS_MAX: usize = 4_096;

#[derive(Default)]
pub(super) struct Waiting {
    jobs: HashMap<AccountId, VecDeque<Job>>,
    /// Every account with a job that is neither held nor away, once, the next to serve in front.
    turns: VecDeque<AccountId>,
    /// Accounts that cannot be decided on as they are, until somebody is sent for what is missing.
    held: BTreeSet<AccountId>,
    /// Accounts for which somebody is on the way.
    away: BTreeSet<AccountId>,
    len: usize,
}

impl Waiting {
    /// Takes a job in, or gives it back when its account has too many.
    pub(super) fn push(&mut self, job: Job) -> Result<(), Job> {
        let account = job.request.account;
        let queue = self.jobs.entry(account).or_default();
        if queue.len() >= ACCOUNT_JOBS_MAX {
            return Err(job);
        }
        let is_first = queue.is_empty();
        queue.push_back(job);
        self.len += 1;
        if is_first && !self.held.contains(&account) && !self.away.contains(&account) {
            self.turns.push_back(account);
        }
        Ok(())
    }

    /// Puts jobs back in front, in their order: they came before all that wait.
    pub(super) fn push_front(&mut self, jobs: Vec<Job>) {
        for job in jobs.into_iter().rev() {
            let account = job.request.account;
            let queue = self.jobs.entry(account).or_default();
            let is_first = queue.is_empty();
            queue.push_front(job);
            self.len += 1;
            if is_first && !self.held.contains(&account) && !self.away.contains(&account) {
                self.turns.push_front(account);
            }
        }
    }

    /// Whose turn it is, and the job that it waits with.
    pub(super) fn next(&self) -> Option<&Job> {
        self.jobs.get(self.turns.front()?)?.front()
    }

    /// Takes the job of whose turn it is; that account's next turn comes after everybody else's.
    pub(super) fn take(&mut self) -> Option<Job> {
        let account = self.turns.pop_front()?;
        let job = self.pop(account);
        if self.jobs.contains_key(&account) {
            self.turns.push_back(account);
        }
        job
    }

    /// Lets whose turn it is wait until it is sent for.
    pub(super) fn hold(&mut self) {
        self.held.extend(self.turns.pop_front());
    }

    pub(super) fn held(&self) -> Vec<AccountId> {
        self.held.iter().copied().collect()
    }

    /// Somebody goes for what the account lacks.
    pub(super) fn send_for(&mut self, account: AccountId) {
        self.held.remove(&account);
        self.away.insert(account);
    }

    /// Whoever went for it is back.
    pub(super) fn bring_back(&mut self, account: AccountId) {
        if self.away.remove(&account) && self.jobs.contains_key(&account) {
            self.turns.push_back(account);
        }
    }

    /// An account that nobody waits for any more is not held.
    pub(super) fn let_go(&mut self, account: AccountId) {
        if !self.jobs.contains_key(&account) {
            self.held.remove(&account);
        }
    }

    /// The jobs of one account, the oldest first.
    pub(super) fn of(&self, account: AccountId) -> impl Iterator<Item = &Job> {
        self.jobs.get(&account).into_iter().flatten()
    }

    /// Takes at most so many jobs of one account, the oldest first.
    pub(super) fn take_of(&mut self, account: AccountId, most: usize) -> Vec<Job> {
        let mut taken = Vec::new();
        while taken.len() < most
            && let Some(job) = self.pop(account)
        {
            taken.push(job);
        }
        taken
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn pop(&mut self, account: AccountId) -> Option<Job> {
        let queue = self.jobs.get_mut(&account)?;
        let job = queue.pop_front();
        if queue.is_empty() {
            self.jobs.remove(&account);
        }
        self.len -= usize::from(job.is_some());
        job
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::oneshot;
    use uuid::Uuid;

    use super::*;
    use crate::round::request::{Intent, Request};

    #[test]
    fn accounts_take_turns_and_each_keeps_its_order() {
        let mut waiting = Waiting::default();
        // Account 1 floods, then 2 and 3 come with one and two; the metadata says which job it is.
        for (account, name) in [(1, "a"), (1, "b"), (1, "c"), (1, "d"), (2, "e"), (3, "f"), (3, "g")] {
            waiting.push(job(account, name)).ok().unwrap();
        }
        assert_eq!(take(&mut waiting, 4), "aefb");
        waiting.push(job(2, "h")).ok().unwrap();
        assert_eq!((waiting.len(), take(&mut waiting, 9).as_str()), (4, "gchd"));
        assert!(waiting.is_empty() && take(&mut waiting, 9).is_empty());
    }

    #[test]
    fn who_is_held_or_away_has_no_turn_and_comes_back_in_order() {
        let mut waiting = Waiting::default();
        for (account, name) in [(1, "a"), (2, "b"), (1, "c")] {
            waiting.push(job(account, name)).ok().unwrap();
        }
        let one = AccountId(Uuid::from_u128(1));
        waiting.hold();
        waiting.push(job(1, "d")).ok().unwrap();
        assert_eq!((waiting.held(), take(&mut waiting, 9).as_str()), (vec![one], "b"));
        waiting.send_for(one);
        let first = waiting.take_of(one, 1);
        waiting.push_front(first);
        assert!(waiting.next().is_none() && waiting.held().is_empty());
        waiting.bring_back(one);
        assert_eq!(take(&mut waiting, 9), "acd");
    }

    #[test]
    fn one_account_can_not_fill_the_room_of_the_others() {
        let mut waiting = Waiting::default();
        for _ in 0..ACCOUNT_JOBS_MAX {
            waiting.push(job(1, "a")).ok().unwrap();
        }
        assert!(waiting.push(job(1, "b")).is_err() && waiting.push(job(2, "c")).is_ok());
    }

    fn take(waiting: &mut Waiting, most: usize) -> String {
        (0..most).map_while(|_| waiting.take()).map(|job| job.request.metadata.clone()).collect()
    }

    fn job(account: u128, name: &str) -> Job {
        let request = Request {
            account: AccountId(Uuid::from_u128(account)),
            realm: None,
            intent: Intent::Store { base_version: 0, events: Vec::new() },
            key: None,
            metadata: name.to_owned(),
            note: None,
            if_version: None,
            dry_run: false,
        };
        Job { request: Arc::new(request), answer: oneshot::channel().0, attempts: 0, setbacks: 0 }
    }
}
