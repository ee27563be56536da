//! A second replay on a road of its own: cqrs-es reads the journal through an unmodified postgres-es, and a query sums.
//!
//! It shares the stored rows and the shape of an event with us, and nothing else: neither our reading, nor our chain, nor
//! `Account::fold`. It runs outside the snapshot, because the stock repository takes its own connections; so it stops
//! summing at the version that the snapshot saw, and an account that has moved since is no finding. The stock stream ends
//! without an error when the database does, which is why only its count and its last sequence prove that it was complete.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use cqrs_es::{EventEnvelope, Query, persist::QueryReplay};
use postgres_es::PostgresEventRepository;
use sqlx::PgPool;

use super::found::Found;
use crate::domain::{
    account::Account,
    chart::{Leg, SubAccount},
    entry::{Balances, Movement},
    ids::AccountId,
    money::{Amount, Money},
    projection::BalanceRow,
};

/// A replay that ended early is run again: only a second failure says anything of the books.
const ATTEMPTS: usize = 2;

/// What the snapshot saw of an account, to be seen again.
pub(super) struct Expected {
    account: AccountId,
    version: u64,
    /// By the balance row, and by our fold: those of them that are of this version.
    row: Option<BalanceRow>,
    ours: Option<Balances>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sums {
    n_events: u64,
    last_sequence: u64,
    main: Money,
    held: Money,
    /// The first thing that went wrong.
    error: Option<String>,
}

struct Bookkeeper {
    until: u64,
    sums: Arc<Mutex<Sums>>,
}

impl Expected {
    /// `None` for an account of which nothing is known that could be compared.
    pub(super) fn of(found: &Found) -> Option<Self> {
        let row = found.row.as_ref().and_then(|row| row.as_ref().ok()).map(|row| row.row);
        let ours = found.broken.is_none().then_some((found.version(), found.stream.account.balances));
        let version = ours.map(|(version, _)| version).or(row.map(|row| row.balance_version))?;
        let row = row.filter(|row| row.balance_version == version);
        Some(Self { account: found.id, version, row, ours: ours.map(|(_, balances)| balances) })
    }

    /// Replays the account. `None` when it agrees with all that is known, else the account, its version and what is wrong.
    pub(super) async fn replay(self, pool: PgPool) -> Option<(AccountId, u64, String)> {
        let mut fault = None;
        for _ in 0..ATTEMPTS {
            let sums = sum(&pool, self.account, self.version).await;
            fault = self.fault(&sums);
            if fault.is_none() {
                break;
            }
        }
        fault.map(|text| (self.account, self.version, text))
    }

    fn fault(&self, sums: &Sums) -> Option<String> {
        if let Some(error) = &sums.error {
            return Some(format!("the second replay fails: {error}"));
        }
        if (sums.n_events, sums.last_sequence) != (self.version, self.version) {
            let Sums { n_events, last_sequence, .. } = sums;
            return Some(format!(
                "the second replay finds {n_events} entries, the last of them {last_sequence}"
            ));
        }
        let Some(balance) = sums.main.checked_add(sums.held) else {
            return Some("the second replay leaves the range of money".into());
        };
        let differs = |whose, theirs: (Money, Money)| {
            let text = format!(
                "the second replay sums to a balance of {balance} with {} held, {whose} says {} with {}",
                sums.held, theirs.0, theirs.1
            );
            ((balance, sums.held) != theirs).then_some(text)
        };
        let row = self.row.and_then(|row| differs("the balance row", (row.balance, row.frozen_balance)));
        row.or_else(|| {
            self.ours.and_then(|ours| differs("the journal's last entry", (ours.balance(), ours.held)))
        })
    }
}

async fn sum(pool: &PgPool, account: AccountId, until: u64) -> Sums {
    let sums = Arc::new(Mutex::new(Sums::default()));
    let repository = PostgresEventRepository::new(pool.clone());
    let mut replay = QueryReplay::new(repository, Bookkeeper { until, sums: sums.clone() });
    let errors = sums.clone();
    replay.use_error_handler(Box::new(move |error| {
        errors.lock().unwrap_or_else(PoisonError::into_inner).fail(error.to_string());
    }));
    let replayed = replay.replay(&account.to_string()).await;
    let mut sums = sums.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Err(error) = replayed {
        sums.fail(error.to_string());
    }
    sums
}

#[async_trait]
impl Query<Account> for Bookkeeper {
    async fn dispatch(&self, _: &str, events: &[EventEnvelope<Account>]) {
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        for event in events.iter().filter(|event| event.sequence as u64 <= self.until) {
            sums.n_events += 1;
            sums.last_sequence = event.sequence as u64;
            for Movement { debit, credit, amount } in &event.payload.entry().movements {
                sums.post(*debit, -amount.money());
                sums.post(*credit, Amount::money(*amount));
            }
        }
    }
}

impl Sums {
    fn post(&mut self, leg: Leg, signed: Money) {
        let sum = match leg {
            Leg::Customer(SubAccount::Main) => &mut self.main,
            Leg::Customer(SubAccount::Held) => &mut self.held,
            Leg::Platform(_) => return,
        };
        match sum.checked_add(signed) {
            Some(after) => *sum = after,
            None => self.fail("a sum leaves the range of money".into()),
        }
    }

    fn fail(&mut self, error: String) {
        self.error.get_or_insert(error);
    }
}
