//! The trial balance: what stands on every account of the chart, summed by the database in NUMERIC.

use std::fmt;

use serde::Serialize;
use sqlx::{FromRow, PgConnection};

use super::{
    ask::{Asked, ask},
    selection::{Selection, literal},
    verdict::{CheckName, Verdict},
};
use crate::{
    auditor::{Auditor, AuditorError},
    domain::chart::{Leg, PlatformAccount},
    error::LedgerError,
};

/// All that was debited and credited in one currency, ever or in a period. Sums are exact decimals, as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrialBalance {
    /// The currency.
    pub currency: String,
    /// One for each account of the chart; all customers together are one.
    pub lines: Vec<TrialLine>,
    /// The sum of all debits.
    pub debits: String,
    /// The sum of all credits; the same, if the books are sound.
    pub credits: String,
}

/// One account of the chart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrialLine {
    /// Its name in the journal, such as `main` or `cash/stripe`.
    pub account: String,
    /// What stood there at the start of the period: debits less credits.
    pub opening: String,
    /// The sum of its debits.
    pub debits: String,
    /// The sum of its credits.
    pub credits: String,
    /// What stands there at the end: the opening balance, and debits less credits.
    pub balance: String,
}

#[derive(FromRow)]
struct Line {
    currency: String,
    /// Absent on the line that is the sum of the currency's others.
    leg: Option<String>,
    opening: String,
    debits: String,
    credits: String,
    balance: String,
}

fn sums(selection: &Selection) -> String {
    let is_before =
        selection.from.map_or("false".to_owned(), |from| format!("recorded_at < {}", literal(from)));
    format!(
        r#"
select currency, leg collate "C" as leg,
       trim_scale(coalesce(sum(amount) filter (where is_before), 0))::text as opening,
       trim_scale(coalesce(sum(amount) filter (where side = 'debit' and not is_before), 0))::text as debits,
       trim_scale(coalesce(-sum(amount) filter (where side = 'credit' and not is_before), 0))::text as credits,
       trim_scale(sum(amount))::text as balance
from (select *, {is_before} as is_before from postings {}) p
group by grouping sets ((currency, leg), (currency))
order by currency, leg nulls last"#,
        selection.of_postings()
    )
}

/// Currencies in which the customers' legs do not come to what the balance rows come to.
const OWED: &str = "
select j.currency, trim_scale(coalesce(j.owed, 0))::text as by_journal, trim_scale(coalesce(b.owed, 0))::text as by_rows
from (select currency, -sum(balance::numeric) as owed from unnest($1::text[], $2::text[]) as l (currency, balance)
      group by currency) j
full join (select currency, sum(balance) as owed from account_balances group by currency) b using (currency)
where coalesce(j.owed, 0) <> coalesce(b.owed, 0)";

impl Auditor {
    /// The trial balance of each currency, over a part of the books.
    ///
    /// # Errors
    /// [`AuditorError::NoSums`] for a journal that cannot be summed.
    pub async fn trial_balances(&self, selection: &Selection) -> Result<Vec<TrialBalance>, AuditorError> {
        let (mut tx, _) = self.snapshot().await?;
        trial_balances(&mut tx, selection).await?.map_err(AuditorError::NoSums)
    }
}

/// The trial balances of all currencies; an error's text where the data cannot be summed.
pub(crate) async fn trial_balances(
    connection: &mut PgConnection,
    selection: &Selection,
) -> Result<Asked<Vec<TrialBalance>>, LedgerError> {
    let mut lines: Vec<Line> = Vec::new();
    if let Err(reason) = ask(connection, sqlx::query_as(&sums(selection)), |line| lines.push(line)).await? {
        return Ok(Err(reason));
    }
    let mut trial_balances = Vec::new();
    let mut of_currency = Vec::new();
    for Line { currency, leg, opening, debits, credits, balance } in lines {
        match leg {
            Some(account) => of_currency.push(TrialLine { account, opening, debits, credits, balance }),
            None => {
                let lines = std::mem::take(&mut of_currency);
                trial_balances.push(TrialBalance { currency, lines, debits, credits });
            }
        }
    }
    Ok(Ok(trial_balances))
}

/// The customers' legs come to the balance rows, every leg is of the chart, and nothing is left in transit.
pub(super) async fn check(connection: &mut PgConnection, verdict: &mut Verdict) -> Result<(), LedgerError> {
    let trial_balances = match trial_balances(connection, &Selection::default()).await? {
        Ok(trial_balances) => trial_balances,
        Err(reason) => {
            let text = format!("the journal cannot be summed: {reason}");
            verdict.find(CheckName::CustomersOwed, None, None, text);
            return Ok(());
        }
    };
    let (mut currencies, mut balances) = (Vec::new(), Vec::new());
    for TrialBalance { currency, lines, .. } in &trial_balances {
        for TrialLine { account, balance, .. } in lines {
            match account.parse() {
                Ok(Leg::Customer(_)) => {
                    currencies.push(currency.as_str());
                    balances.push(balance.as_str());
                }
                Ok(Leg::Platform(PlatformAccount::Transit)) if balance != "0" => {
                    let text = format!("{balance} {currency} left one account and did not arrive at another");
                    verdict.find(CheckName::TransitZero, None, None, text);
                }
                Ok(Leg::Platform(_)) => {}
                Err(error) => {
                    let text = format!("{balance} {currency} are on {account}: {error}");
                    verdict.find(CheckName::CustomersOwed, None, None, text);
                }
            }
        }
    }
    let owed: Vec<(String, String, String)> =
        sqlx::query_as(OWED).bind(currencies).bind(balances).fetch_all(connection).await?;
    for (currency, by_journal, by_rows) in owed {
        let text = format!(
            "customers have {by_journal} {currency} by the journal and {by_rows} by the balance rows"
        );
        verdict.find(CheckName::CustomersOwed, None, None, text);
    }
    for name in [CheckName::CustomersOwed, CheckName::TransitZero] {
        verdict.count(name, trial_balances.len() as u64);
    }
    verdict.trial_balances = trial_balances;
    Ok(())
}

impl fmt::Display for TrialBalance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { currency, lines, debits, credits } = self;
        let title = format!("Trial balance, {currency}");
        let is_period = lines.iter().any(|line| line.opening != "0");
        let opening = |text: &str| if is_period { format!("{text:>22}") } else { String::new() };
        writeln!(f, "{title:<32}{}{:>22}{:>22}{:>22}", opening("opening"), "debits", "credits", "balance")?;
        for line in lines {
            let TrialLine { account, debits, credits, balance, .. } = line;
            let name = match account.parse() {
                Ok(Leg::Customer(part)) => format!("customers, {}", Leg::Customer(part)),
                Ok(Leg::Platform(_)) | Err(_) => account.clone(),
            };
            writeln!(f, "  {name:<30}{}{debits:>22}{credits:>22}{balance:>22}", opening(&line.opening))?;
        }
        writeln!(f, "  {:<30}{}{debits:>22}{credits:>22}", "total", opening(""))
    }
}
