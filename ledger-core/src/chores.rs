//! What can wait: snapshots, and clearing refusals away. One task of the ledger does it, beside the lanes.

use std::{sync::Arc, time::Duration};

use sqlx::PgPool;
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval, interval_at},
};

use crate::{
    clock::Clock,
    domain::{entry::Timestamp, ids::AccountId},
    journal::{Loaded, Server, Snapshot, forget_refusals, forgotten_before, sweep_refusals},
    pools::{Patience, with_connection},
};

/// Chores that wait; whatever comes when there are as many is left undone, and comes again.
const CHORES_MAX: usize = 256;
const CHORE_PATIENCE: Patience = Patience(Duration::from_secs(12));
/// How often refusals that are too old are swept away, of accounts that nobody calls any more.
const SWEEP_EVERY: Duration = Duration::from_secs(600);
const SWEEP_ROWS: i64 = 5_000;
/// How often the database is asked for its time while no append brings it along.
const TICK_EVERY: Duration = Duration::from_millis(500);

pub(crate) enum Chore {
    KeepSnapshot(Box<Loaded>),
    ForgetRefusals(AccountId),
}

/// Where chores are left to be done.
#[derive(Clone)]
pub(crate) struct Chores(mpsc::Sender<Chore>);

impl Chores {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Chore>) {
        let (chores, waiting) = mpsc::channel(CHORES_MAX);
        (Self(chores), waiting)
    }

    pub(crate) fn add(&self, chore: Chore) {
        if self.0.try_send(chore).is_err() {
            tracing::debug!("a chore is left undone");
        }
    }
}

/// Does chores until there is nobody left to bring any.
pub(crate) async fn run(pool: PgPool, clock: Arc<Clock>, mut chores: mpsc::Receiver<Chore>) {
    // The first time at once: a process that is started often sweeps all the same.
    let mut sweep = interval(SWEEP_EVERY);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let done = tokio::select! {
            chore = chores.recv() => match chore {
                Some(chore) => run_one(&pool, &clock, chore).await,
                None => return,
            },
            _ = sweep.tick() => sweep_all(&pool, &clock).await,
        };
        if let Err(error) = done {
            tracing::warn!(error = &error as &dyn std::error::Error, "a chore failed; it comes again");
        }
    }
}

async fn run_one(pool: &PgPool, clock: &Clock, chore: Chore) -> sqlx::Result<()> {
    let forgotten_before = forgotten_before(clock.now());
    with_connection(pool, CHORE_PATIENCE, move |connection| {
        Box::pin(async move {
            match chore {
                Chore::KeepSnapshot(loaded) => Snapshot::keep(connection, &loaded).await,
                Chore::ForgetRefusals(account) => {
                    forget_refusals(connection, account, forgotten_before).await
                }
            }
        })
    })
    .await
}

async fn sweep_all(pool: &PgPool, clock: &Clock) -> sqlx::Result<()> {
    let forgotten_before = forgotten_before(clock.now());
    loop {
        let swept = with_connection(pool, CHORE_PATIENCE, move |connection| {
            Box::pin(sweep_refusals(connection, forgotten_before, SWEEP_ROWS))
        });
        if swept.await? < SWEEP_ROWS.unsigned_abs() {
            return Ok(());
        }
    }
}

/// Keeps the clock at database time, until it is aborted.
pub(crate) async fn tick(pool: PgPool, clock: Arc<Clock>) {
    let mut ticks = interval_at(Instant::now() + TICK_EVERY, TICK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // Without an answer the clock goes on by itself.
        if let Ok((_, now)) = identify(&pool).await {
            clock.set(now);
        }
    }
}

/// Which server this is, and its time.
pub(crate) async fn identify(pool: &PgPool) -> sqlx::Result<(Server, Timestamp)> {
    with_connection(pool, CHORE_PATIENCE, |connection| Box::pin(Server::identify(connection))).await
}
