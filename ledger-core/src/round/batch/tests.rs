//! A batch is a fold: deciding commands together is deciding them one by one.

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::{
    domain::{
        account::{Charge, Command, Facts, Open, Refund, TopUp},
        chain::short_hash,
        ids::{EntryId, Owner},
        money::Amount,
        projection::BalanceRow,
    },
    journal::stream::{StoredEvent, Stream},
    round::{draft::Asked, request::Intent},
};

#[derive(Clone, Debug)]
enum Step {
    Open { limit: u32 },
    TopUp { cents: u32, payment: u8 },
    Charge { cents: u32 },
    Refund { sequence: u64, cents: Option<u32> },
}

/// An account, what is asked of it, and one of a few keys, so that keys are used again for the same and for other requests.
type Wish = (usize, Step, u8);

fn wishes() -> impl Strategy<Value = Vec<Wish>> {
    let step = prop_oneof![
        1 => (0..300_u32).prop_map(|limit| Step::Open { limit }),
        3 => (1..500_u32, 0..12_u8).prop_map(|(cents, payment)| Step::TopUp { cents, payment }),
        6 => (1..300_u32).prop_map(|cents| Step::Charge { cents }),
        3 => (1..30_u64, prop::option::of(1..300_u32)).prop_map(|(sequence, cents)| Step::Refund { sequence, cents }),
    ];
    prop::collection::vec((0..3_usize, step, any::<u8>()), 1..60)
}

fn owner(idx: usize) -> Owner {
    Owner::Tenant(Uuid::from_u128(idx as u128 + 1))
}

fn request((idx, step, key): &Wish) -> Request {
    let currency = "USD".parse().unwrap();
    let account = AccountId::of(owner(*idx), currency);
    let amount = |cents: u32| -> Amount { format!("{}.{:02}", cents / 100, cents % 100).parse().unwrap() };
    let command = match step {
        Step::Open { limit } => Command::Open(Open {
            owner: owner(*idx),
            currency,
            credit_limit: limit.to_string().parse().unwrap(),
        }),
        // One of a few payments, so that some are booked again, in the same batch and in a later one.
        Step::TopUp { cents, payment } => {
            let (provider, reference) = ("bank".parse().unwrap(), format!("wire {payment}").parse().unwrap());
            Command::TopUp(TopUp { amount: amount(*cents), currency, provider, reference, fee: None })
        }
        Step::Charge { cents } => {
            Command::Charge(Charge { amount: amount(*cents), currency, effective_at: None, reference: None })
        }
        Step::Refund { sequence, cents } => {
            Command::Refund(Refund { charge: EntryId::new(account, *sequence), amount: cents.map(amount) })
        }
    };
    let request_hash = command.form().hash();
    let key = Some(Key { hash: short_hash(&[&[*key]]), request_hash });
    Request {
        account,
        realm: None,
        intent: Intent::Decide(command),
        key,
        metadata: "{}".into(),
        note: None,
        if_version: None,
        dry_run: false,
    }
}

/// What the lane keeps between batches, without a database.
#[derive(Default)]
struct World {
    accounts: BTreeMap<AccountId, Loaded>,
    facts: BTreeMap<AccountId, Facts>,
    outcomes: HashMap<KeyOf, KeyFound>,
    events: Vec<StoredEvent>,
    refusals: Vec<Refusal>,
    answers: Vec<String>,
}

impl World {
    fn commit(&mut self, requests: &[Request]) {
        let mut batch = Batch::new(DateTime::UNIX_EPOCH, DateTime::<Utc>::MIN_UTC);
        for Request { account, .. } in requests {
            let loaded = self.accounts.get(account).cloned().unwrap_or_else(|| Loaded::absent(*account));
            let facts = self.facts.get(account).cloned().unwrap_or_default();
            let asked = Asked { facts, ..Asked::default() };
            batch.admit(*account, Subject::Open(Box::new(Draft::new(loaded, asked))));
        }
        self.outcomes.iter().for_each(|(key, found)| batch.know(*key, found.clone()));
        for request in requests {
            self.answers.push(format!("{:?}", batch.decide(request).answer));
        }
        let Commit { moves, events, refusals, .. } = batch.finish();
        assert!(moves.len() <= requests.len(), "an account moves once a batch");
        for stored in &events {
            self.facts.entry(stored.account).or_default().learn(stored.sequence, &stored.event().unwrap());
        }
        self.events.extend(events);
        self.refusals.extend(refusals);
        let Parts { after, outcomes, .. } = batch.into_parts();
        self.accounts.extend(after.into_iter().map(|loaded| (loaded.id(), loaded)));
        self.outcomes = outcomes;
    }

    /// Each account's rows, for batches take accounts in turn but never reorder one account.
    fn streams(&self) -> BTreeMap<AccountId, Vec<&StoredEvent>> {
        let mut streams: BTreeMap<_, Vec<_>> = BTreeMap::new();
        self.events.iter().for_each(|stored| streams.entry(stored.account).or_default().push(stored));
        streams
    }
}

proptest! {
    #[test]
    fn a_batch_is_the_same_commands_one_by_one(wishes in wishes(), size in 1..60_usize) {
        let requests: Vec<Request> = wishes.iter().map(request).collect();
        let (mut together, mut apart) = (World::default(), World::default());
        requests.chunks(size).for_each(|chunk| together.commit(chunk));
        requests.chunks(1).for_each(|chunk| apart.commit(chunk));
        prop_assert_eq!(&together.answers, &apart.answers);
        prop_assert_eq!(&together.events, &apart.events);
        prop_assert_eq!(&together.refusals, &apart.refusals);
    }

    #[test]
    fn a_replay_of_the_rows_is_the_projection(wishes in wishes()) {
        let requests: Vec<Request> = wishes.iter().map(request).collect();
        let mut world = World::default();
        requests.chunks(7).for_each(|chunk| world.commit(chunk));
        for (account, rows) in world.streams() {
            let mut stream = Stream::new(account);
            rows.iter().for_each(|row| drop(stream.follow(row).unwrap()));
            prop_assert_eq!(&stream, &world.accounts[&account].stream);
            prop_assert_eq!(BalanceRow::of(&stream.account).unwrap().balance_version, rows.len() as u64);
            prop_assert!(stream.account.balances.above_floor());
        }
    }

    #[test]
    fn one_key_has_at_most_one_outcome(wishes in wishes(), size in 1..60_usize) {
        let requests: Vec<Request> = wishes.iter().map(request).collect();
        let mut world = World::default();
        requests.chunks(size).for_each(|chunk| world.commit(chunk));
        let events = world.events.iter().map(|stored| (stored.account, stored.key_hash.unwrap()));
        let mut keys: Vec<_> = events.chain(world.refusals.iter().map(|refusal| (refusal.account, refusal.key_hash))).collect();
        let all = keys.len();
        keys.sort_unstable();
        keys.dedup();
        prop_assert_eq!(keys.len(), all);
    }
}
