//! What is to be billed: a usage file at the prices of a price file, or a small made-up one.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use ledger_core::Amount;
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};

/// Lines of the made-up file.
const MADE_UP_LINES: u64 = 2_000;

/// One request of a customer.
pub(crate) struct Line {
    /// Its place in the file and the file's content: the same line is the same charge, whenever it is billed.
    pub(crate) key: String,
    pub(crate) description: String,
    pub(crate) amount: Amount,
}

/// USD per token, exactly.
#[derive(Clone, Copy)]
pub(crate) struct Price {
    input: Decimal,
    output: Decimal,
}

impl Price {
    /// Of a model in a file with the columns `model`, `input_usd_per_token` and `output_usd_per_token`.
    pub(crate) fn read(file: &Path, model: &str) -> Result<Self> {
        let mut prices =
            csv::Reader::from_path(file).with_context(|| format!("cannot read {}", file.display()))?;
        let headers = prices.headers()?.clone();
        let cell = |record: &csv::StringRecord, name: &str| -> Result<String> {
            let column = headers.iter().position(|header| header == name);
            Ok(column
                .and_then(|column| record.get(column))
                .with_context(|| format!("no column {name}"))?
                .into())
        };
        for record in prices.records() {
            let record = record?;
            if cell(&record, "model")? == model {
                let price =
                    |name| Decimal::from_str_exact(&cell(&record, name)?).context("a price is a decimal");
                return Ok(Self {
                    input: price("input_usd_per_token")?,
                    output: price("output_usd_per_token")?,
                });
            }
        }
        anyhow::bail!("{} has no model {model}", file.display())
    }

    /// What is asked when there is no price file.
    pub(crate) fn made_up() -> Self {
        Self { input: Decimal::new(25, 7), output: Decimal::new(1, 5) }
    }

    fn of(self, input: u64, output: u64) -> Result<Amount> {
        let cost = self.input * Decimal::from(input) + self.output * Decimal::from(output);
        Ok(cost.normalize().to_string().parse()?)
    }
}

/// The lines of a file whose second and third column are tokens in and out.
pub(crate) fn read(file: &Path, price: Price) -> Result<Vec<Line>> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    priced(&text, price)
}

/// A file as one might have it, the same each time.
pub(crate) fn made_up(price: Price) -> Result<Vec<Line>> {
    let line =
        |number: u64| format!("{number},{},{}\n", 100 + number * 7_919 % 3_900, 1 + number * 104_729 % 800);
    let lines: String = (1..=MADE_UP_LINES).map(line).collect();
    priced(&format!("time,input_tokens,output_tokens\n{lines}"), price)
}

fn priced(text: &str, price: Price) -> Result<Vec<Line>> {
    let digest = Sha256::digest(text);
    let file: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let records = csv::Reader::from_reader(text.as_bytes()).into_records().enumerate();
    let line = |(index, record): (usize, csv::Result<csv::StringRecord>)| {
        let (record, number) = (record?, index + 1);
        let tokens = |column: usize| -> Result<u64> {
            let text = record.get(column).unwrap_or_default();
            text.parse().with_context(|| format!("line {number}: {text:?} is not a number of tokens"))
        };
        let (input, output) = (tokens(1)?, tokens(2)?);
        let key = format!("demo {file} line {number}");
        let description = format!("{input} tokens in, {output} out");
        Ok(Line { key, description, amount: price.of(input, output)? })
    };
    records.map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_costs_its_tokens_and_has_a_key_of_its_own() {
        let price = Price { input: Decimal::new(25, 7), output: Decimal::new(1, 5) };

        let lines = priced("at,in,out\n2023,374,44\n2023,374,44\n", price).unwrap();

        assert_eq!(lines[0].amount.to_string(), "0.001375");
        assert_eq!(lines.len(), 2);
        assert_ne!(lines[0].key, lines[1].key, "two equal requests are two charges");
    }
}
