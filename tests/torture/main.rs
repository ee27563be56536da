//! Random commands by many callers through two processes, held against a plain model: equal to the last decimal.
//!
//! `TORTURE_COMMANDS` says how many, `TORTURE_SEED` which. The seed settles what is sent; who comes first is left to chance.
//! Its own `main`, so that the last line is a program's: one JSON object for each door that was tried.

mod canaries;
mod history;
mod library;
mod model;
mod service;
mod workers;

use std::{
    env,
    process::ExitCode,
    str::FromStr,
    sync::{Arc, Mutex},
};

use futures::future::join_all;
use ledger_tests::{Books, service::TestApp};
use libtest_mimic::{Arguments, Trial};
use serde_json::{Value, json};
use sqlx::PgConnection;
use tokio::runtime::Builder;

use crate::{
    history::{Attempt, Totals, Violation, check},
    library::{Door, Library},
    model::Answer,
    service::Service,
    workers::{World, accounts_of},
};

/// A tenth of what `make torture` sends.
const COMMANDS: usize = 2_000;
const CALLERS: usize = 16;

static FIGURES: Mutex<Vec<Value>> = Mutex::new(Vec::new());

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // One after the other: each needs the machine for itself.
    arguments.test_threads = Some(1);
    let trials = vec![
        Trial::test("library", || run(through_the_library())),
        Trial::test("service", || run(through_the_service())),
    ];
    let conclusion = libtest_mimic::run(&arguments, trials);
    FIGURES.lock().unwrap().iter().for_each(|figures| println!("{figures}"));
    conclusion.exit_code()
}

fn run(test: impl Future<Output = ()>) -> Result<(), libtest_mimic::Failed> {
    let runtime = Builder::new_multi_thread().worker_threads(4).enable_all().build()?;
    runtime.block_on(test);
    Ok(())
}

async fn through_the_library() {
    Books::run(async |books| {
        let library = Library::on(books).await;
        torture("library", books, library.clone()).await;
        library.close().await;
    })
    .await;
}

async fn through_the_service() {
    TestApp::run(async |app| {
        let service = Service::of(app, accounts_of(commands())).await;
        torture("service", &app.books, service.clone()).await;
        service.close().await;
    })
    .await;
}

fn commands() -> usize {
    setting("TORTURE_COMMANDS").unwrap_or(COMMANDS)
}

/// Sends the commands, and holds the answers and the books against the model.
async fn torture<D: Door>(name: &str, books: &Books, door: Arc<D>) {
    let commands = commands();
    let seed = setting("TORTURE_SEED").unwrap_or_else(|| fastrand::u64(..));
    eprintln!("{name}: TORTURE_COMMANDS={commands} TORTURE_SEED={seed}");
    let world = World::new(door, books.db.superuser().await, commands);
    let work = |caller: usize| {
        let share = commands / CALLERS + usize::from(caller < commands % CALLERS);
        tokio::spawn(world.clone().work(seed.wrapping_add(caller as u64), share))
    };
    let ended = join_all((0..CALLERS).map(work)).await;
    assert!(ended.iter().all(Result::is_ok), "a caller has given up, TORTURE_SEED={seed}");
    let attempts = world.finish().await;

    let (totals, violations) = check(&attempts, world.accounts());
    let mut figures = figures(&attempts, &violations);
    let first: Vec<String> = violations.iter().take(10).map(ToString::to_string).collect();
    assert!(violations.is_empty(), "TORTURE_SEED={seed}\n{figures}\n{}", first.join("\n"));
    let mut superuser = books.db.superuser().await;
    assert_eq!(
        stored(&mut superuser).await,
        (totals, 0),
        "entries, refusals, quarantines; TORTURE_SEED={seed}"
    );
    figures["door"] = name.into();
    figures["seed"] = seed.into();
    figures["cuts"] = world.cuts().into();
    figures["canaries"] = canaries::sing(&attempts, world.accounts()).into();
    FIGURES.lock().unwrap().push(figures);
}

/// What the database has kept: entries and refusals, and accounts in quarantine.
async fn stored(superuser: &mut PgConnection) -> (Totals, i64) {
    let mut count = async |table: &str| -> i64 {
        let select = format!("select count(*) from {table}");
        sqlx::query_scalar(&select).fetch_one(&mut *superuser).await.expect("the test server answers")
    };
    let entries = count("events").await as u64;
    let refusals = count("refusals").await as u64;
    (Totals { entries, refusals }, count("quarantine").await)
}

fn figures(attempts: &[Attempt], violations: &[Violation]) -> Value {
    let count = |is: &dyn Fn(&Answer) -> bool| attempts.iter().filter(|attempt| is(&attempt.answer)).count();
    let seen = |check: &str| violations.iter().filter(|violation| violation.check == check).count();
    json!({
        "acked": count(&|answer| matches!(answer, Answer::Done { .. })),
        "replayed": count(&Answer::is_replayed),
        "refused": count(&|answer| matches!(answer, Answer::Refused { .. })),
        "unknown": count(&|answer| *answer == Answer::Unknown),
        "lost": seen("dense"),
        "doubled": seen("one_outcome"),
        "violations": violations.len(),
    })
}

fn setting<T: FromStr>(name: &str) -> Option<T> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}
