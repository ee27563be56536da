//! How many charges a second one ledger takes, by how many callers wait at once.
//!
//! Every caller sends one charge and waits for its commit; the lane makes batches of whatever waits. Two workloads, as in the
//! comparison with other ledgers: `hot` charges one account, `spread` ten thousand. Each run ends with the audit of its books.
//! One JSON line a figure; the ratio is against one caller, in the same run.

use std::{
    env,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{StreamExt, stream};
use ledger_core::{AccountId, Charge, Ledger};
use ledger_tests::{Books, amount, key, usd};
use serde_json::json;

const CALLERS: [usize; 5] = [1, 16, 64, 256, 1_024];
const SPREAD_ACCOUNTS: usize = 10_000;

/// As in the program `ledger`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() {
    let seconds =
        env::var("BENCH_SECONDS").map_or(5, |seconds| seconds.parse().expect("BENCH_SECONDS is a number"));
    for (workload, n_accounts) in [("hot", 1), ("spread", SPREAD_ACCOUNTS)] {
        let books = Arc::new(Books::open().await);
        let accounts: Arc<Vec<AccountId>> = Arc::new(
            stream::iter(0..n_accounts)
                .map(|_| books.account("1000000"))
                .buffer_unordered(512)
                .collect()
                .await,
        );
        let mut baseline = None;
        for callers in CALLERS {
            let (rate, batch) = measure(&books, &accounts, callers, Duration::from_secs(seconds)).await;
            let baseline = *baseline.get_or_insert(rate);
            let figure = json!({
                "figure": "charges_per_second", "workload": workload, "callers": callers, "value": rate.round(),
                "unit": "1/s", "mean_batch": (batch * 10.0).round() / 10.0,
                "baseline": "one caller", "ratio": (rate / baseline * 10.0).round() / 10.0,
            });
            println!("{figure}");
        }
        let Ok(books) = Arc::try_unwrap(books) else { panic!("every caller has ended") };
        books.finish().await;
    }
}

/// Charges a second, and charges a commit.
async fn measure(
    books: &Arc<Books>,
    accounts: &Arc<Vec<AccountId>>,
    callers: usize,
    time: Duration,
) -> (f64, f64) {
    let until = Instant::now() + time;
    let caller = |caller: usize| {
        let (books, accounts) = (books.clone(), accounts.clone());
        tokio::spawn(async move {
            let mut charged = 0_usize;
            while Instant::now() < until {
                // A walk through the accounts in a large prime's steps: no two callers stay in step.
                let account = accounts[(caller * 31 + charged * 7_919) % accounts.len()];
                charge(&books.ledger, &books, account, &format!("{callers}/{caller}/{charged}")).await;
                charged += 1;
            }
            charged
        })
    };
    let (before, started) = (commits(books).await, Instant::now());
    let callers: Vec<_> = (0..callers).map(caller).collect();
    let mut charged = 0;
    for caller in callers {
        charged += caller.await.expect("no charge fails");
    }
    let seconds = started.elapsed().as_secs_f64();
    (charged as f64 / seconds, charged as f64 / (commits(books).await - before))
}

async fn charge(ledger: &Ledger, books: &Books, account: AccountId, name: &str) {
    let charge = Charge { amount: amount("0.000001"), currency: usd(), effective_at: None, reference: None };
    ledger
        .charge(&books.platform.call(key(name)), account, charge)
        .await
        .expect("there is money for every charge");
}

async fn commits(books: &Books) -> f64 {
    let mut superuser = books.db.superuser().await;
    let commits = sqlx::query_scalar::<_, i64>("select count(distinct txid) from events");
    commits.fetch_one(&mut superuser).await.expect("the server answers") as f64
}
