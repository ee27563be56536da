//! Commands in front of a lane. Accounts take turns, so that one customer's flood delays the others by one command each.

use std::collections::{HashMap, VecDeque};

use super::Job;
use crate::ids::AccountId;

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
