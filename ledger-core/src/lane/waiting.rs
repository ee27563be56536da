//! Commands in front of a lane. Accounts take turns, so that one customer's flood delays the others by one command each.

use std::collections::{HashMap, VecDeque};

use super::Job;
use crate::domain::ids::AccountId;

#[derive(Default)]
pub(super) struct Waiting {
    jobs: HashMap<AccountId, VecDeque<Job>>,
    /// Every account with a job, once, the next to serve in front.
    turns: VecDeque<AccountId>,
    len: usize,
}

impl Waiting {
    pub(super) fn push(&mut self, job: Job) {
        let account = job.request.account;
        let queue = self.jobs.entry(account).or_default();
        if queue.is_empty() {
            self.turns.push_back(account);
        }
        queue.push_back(job);
        self.len += 1;
    }

    /// The next jobs, one of each account in turn, those of one account in their order.
    pub(super) fn take(&mut self, most: usize) -> Vec<Job> {
        let mut taken = Vec::with_capacity(most.min(self.len));
        while taken.len() < most
            && let Some(account) = self.turns.pop_front()
        {
            let queue = self.jobs.get_mut(&account).expect("an account has its turn only while it has a job");
            taken.extend(queue.pop_front());
            if queue.is_empty() {
                self.jobs.remove(&account);
            } else {
                self.turns.push_back(account);
            }
        }
        self.len -= taken.len();
        taken
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;
    use uuid::Uuid;

    use super::*;
    use crate::lane::{Intent, Request};

    #[test]
    fn accounts_take_turns_and_each_keeps_its_order() {
        let mut waiting = Waiting::default();
        // Account 1 floods, then 2 and 3 come with one and two; the metadata says which job it is.
        for (account, name) in [(1, "a"), (1, "b"), (1, "c"), (1, "d"), (2, "e"), (3, "f"), (3, "g")] {
            waiting.push(job(account, name));
        }
        let names = |jobs: Vec<Job>| jobs.into_iter().map(|job| job.request.metadata).collect::<String>();
        assert_eq!(names(waiting.take(4)), "aefb");
        waiting.push(job(2, "h"));
        assert_eq!((waiting.len(), names(waiting.take(9)).as_str()), (4, "gchd"));
        assert!(waiting.is_empty() && names(waiting.take(9)).is_empty());
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
        Job { request, answer: oneshot::channel().0 }
    }
}
