//! What the examples share: a price list, and usage in tokens.

use anyhow::{Context, Result};
use ledger_core::Amount;
use rust_decimal::Decimal;

/// What one model costs, in USD per token, exactly.
#[derive(Clone, Copy, Debug)]
pub struct Price {
    input: Decimal,
    output: Decimal,
}

impl Price {
    /// The price of a model in a file with the columns `model`, `input_usd_per_token` and `output_usd_per_token`.
    pub fn find(file: &str, model: &str) -> Result<Self> {
        let mut prices = csv::Reader::from_path(file).with_context(|| format!("cannot read {file}"))?;
        let headers = prices.headers()?.clone();
        let column = |name: &str| {
            headers.iter().position(|header| header == name).with_context(|| format!("no column {name}"))
        };
        let (name, input, output) =
            (column("model")?, column("input_usd_per_token")?, column("output_usd_per_token")?);
        for record in prices.records() {
            let record = record?;
            if &record[name] == model {
                let per_token = |text: &str| {
                    Decimal::from_str_exact(text).with_context(|| format!("{text} is not a price"))
                };
                return Ok(Self { input: per_token(&record[input])?, output: per_token(&record[output])? });
            }
        }
        anyhow::bail!("{file} has no model {model}")
    }

    /// What this many tokens cost. List prices have few places, so nothing is rounded.
    pub fn of(&self, input: u64, output: u64) -> Result<Amount> {
        let cost = self.input * Decimal::from(input) + self.output * Decimal::from(output);
        Ok(cost.to_string().parse()?)
    }
}

/// A count of tokens.
pub fn tokens(text: &str) -> Result<u64> {
    text.parse().with_context(|| format!("{text} is not a number of tokens"))
}
