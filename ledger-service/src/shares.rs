//! Something that several share, such as the requests that a service works on at once: nobody takes all of it.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

/// So much of something. Whoever asks may have as much as is still free: one alone gets half, two get a third each, and there
/// is always something left for the next one.
#[derive(Debug)]
pub(crate) struct Shares<K> {
    all: usize,
    taken: Arc<Mutex<Taken<K>>>,
}

#[derive(Debug)]
struct Taken<K> {
    sum: usize,
    by: HashMap<K, usize>,
}

/// What somebody has of it, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share<K: Eq + Hash> {
    all: usize,
    who: K,
    amount: usize,
    taken: Arc<Mutex<Taken<K>>>,
}

impl<K: Clone + Eq + Hash> Shares<K> {
    pub(crate) fn new(all: usize) -> Self {
        Self { all, taken: Arc::new(Mutex::new(Taken { sum: 0, by: HashMap::new() })) }
    }

    /// None of it yet.
    pub(crate) fn of(&self, who: K) -> Share<K> {
        Share { all: self.all, who, amount: 0, taken: self.taken.clone() }
    }
}

impl<K: Clone + Eq + Hash> Share<K> {
    /// Takes so much more, or nothing.
    #[must_use]
    pub(crate) fn take(&mut self, more: usize) -> bool {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = taken.by.get(&self.who).copied().unwrap_or_default();
        if mine + more > self.all - taken.sum {
            return false;
        }
        taken.sum += more;
        taken.by.insert(self.who.clone(), mine + more);
        self.amount += more;
        true
    }
}

impl<K: Eq + Hash> Share<K> {
    pub(crate) fn who(&self) -> &K {
        &self.who
    }

    /// Gives all of it back.
    pub(crate) fn give_back(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let amount = std::mem::take(&mut self.amount);
        taken.sum -= amount;
        if let Some(mine) = taken.by.get_mut(&self.who) {
            *mine -= amount;
            // Whoever has nothing is forgotten: otherwise everybody who ever came would be remembered.
            if *mine == 0 {
                taken.by.remove(&self.who);
            }
        }
    }
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_all_and_what_is_given_back_is_there_again() {
        let shares = Shares::new(12);
        let take = |who: u8, count: usize| {
            let mut share = shares.of(who);
            share.take(count).then_some(share)
        };
        let hog: Vec<_> = (0..20).map_while(|_| take(1, 1)).collect();
        assert_eq!(hog.len(), 6, "one alone gets half");
        let second: Vec<_> = (0..20).map_while(|_| take(2, 1)).collect();
        assert_eq!(second.len(), 3, "and there is something left for the next one");
        assert!(take(3, 1).is_some() && take(3, 4).is_none());
        drop((hog, second));
        assert!(take(3, 12).is_some());
        assert!(shares.taken.lock().unwrap().by.is_empty(), "nobody is remembered");
    }
}
