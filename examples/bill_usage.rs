//! Bills a usage file against a price file, many charges in flight.
//!
//! Each line's number is its key, so after an interruption the same command goes on where it stopped and charges nothing twice.

use std::{env, fs::File};

use anyhow::{Context, Result};
use chrono::NaiveDateTime;
use futures::{StreamExt, TryStreamExt, stream};
use ledger_core::{Caller, Charge, Currency, IdempotencyKey, Ledger, Money, Note, Open, Owner, TopUp};
use ledger_examples::{Price, tokens};
use uuid::Uuid;

const IN_FLIGHT: usize = 256;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [usage, prices, model] = &arguments[..] else {
        anyhow::bail!("usage: bill_usage USAGE.csv PRICES.csv MODEL   (and DATABASE_URL, migrated)")
    };
    let price = Price::find(prices, model)?;
    let ledger = Ledger::connect(&env::var("DATABASE_URL").context("DATABASE_URL names the ledger")?).await?;
    let job = Caller::platform("bill_usage".parse()?);
    let currency: Currency = "USD".parse()?;

    let open = Open { owner: Owner::Tenant(Uuid::from_u128(1)), currency, credit_limit: Money::ZERO };
    let account = ledger.open(&job.call("open".parse()?), open).await?.account;
    let (provider, reference) = ("bank".parse()?, "first deposit".parse()?);
    let deposit = TopUp { amount: "1000".parse()?, currency, provider, reference, fee: None };
    ledger.top_up(&job.call("deposit".parse()?), account, deposit).await?;

    let lines = csv::Reader::from_reader(File::open(usage)?).into_records().enumerate();
    let charges = stream::iter(lines).map(async |(line, record)| -> Result<(bool, Money)> {
        let record = record?;
        // Times are UTC and finer than the ledger keeps: what is beyond a microsecond is cut off.
        let used_at = NaiveDateTime::parse_from_str(&record[0], "%Y-%m-%d %H:%M:%S%.f")?;
        let amount = price.of(tokens(&record[1])?, tokens(&record[2])?)?;
        let effective_at = Some(ledger_core::microseconds(used_at.and_utc()));
        let charge = Charge { amount, currency, effective_at, reference: None };
        let key: IdempotencyKey = format!("line {}", line + 1).parse()?;
        let note = Note::describing(format!("{model}: {} in, {} out", &record[1], &record[2]));
        let receipt = ledger.charge(&job.call(key).note(note)?, account, charge).await?;
        Ok((receipt.replayed, amount.money()))
    });
    let billed: Vec<(bool, Money)> = charges.buffer_unordered(IN_FLIGHT).try_collect().await?;

    let before = billed.iter().filter(|(replayed, _)| *replayed).count();
    let sum = billed.iter().try_fold(Money::ZERO, |sum, (_, amount)| sum.checked_add(*amount));
    let balance = ledger.balance(&job, account).await?.row.balance;
    println!("{} lines, {before} of them billed before this run", billed.len());
    println!("charged {} USD, {balance} USD left", sum.context("the sum is in range")?);
    ledger.close().await;
    Ok(())
}
