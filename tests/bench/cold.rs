//! How long a cold account takes until its first charge is stored: with a snapshot, and read from its first event.
//!
//! One JSON line a figure. The account has `COLD_ENTRIES` entries, a hundred thousand unless told otherwise.

use std::{env, time::Instant};

use futures::{StreamExt, stream};
use ledger_core::{AccountId, Charge};
use ledger_tests::{Books, amount, key, usd};
use serde_json::json;
use sqlx::Executor;

/// Charges that are in flight while the account grows.
const CALLERS: usize = 1_024;

/// As in the program `ledger`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() {
    let entries: usize =
        env::var("COLD_ENTRIES").map_or(100_000, |number| number.parse().expect("COLD_ENTRIES is a number"));
    let books = Books::open().await;
    let account = books.account("1000000").await;
    stream::iter(0..entries).for_each_concurrent(CALLERS, |idx| charge(&books, account, idx)).await;

    for (name, snapshots) in [("with a snapshot", true), ("from its first event", false)] {
        if !snapshots {
            books.db.superuser().await.execute("delete from snapshots").await.expect("the server answers");
        }
        let cold = books.second_ledger().await;
        let began = Instant::now();
        books.charge_on(&cold, account, name, "0.000001").await.expect("there is money for every charge");
        let seconds = began.elapsed().as_secs_f64();
        cold.close().await;
        let figure = json!({
            "figure": "cold_account_seconds", "read": name, "entries": entries, "value": (seconds * 1e4).round() / 1e4,
            "unit": "s",
        });
        println!("{figure}");
    }
    books.ledger.close().await;
}

async fn charge(books: &Books, account: AccountId, idx: usize) {
    let charge = Charge { amount: amount("0.000001"), currency: usd(), effective_at: None, reference: None };
    let call = books.platform.call(key(&idx.to_string()));
    books.ledger.charge(&call, account, charge).await.expect("there is money for every charge");
}
