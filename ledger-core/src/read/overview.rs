//! The overview: all customers' accounts in a few sums, and when the books were last proved.

use sqlx::{FromRow, PgConnection};

use crate::{
    caller::Caller, domain::entry::Timestamp, error::LedgerError, journal::tx::in_snapshot, ledger::Ledger,
};

/// Sums of the balance rows. They may leave the range of money, so they are exact decimals as text.
const SUMS: &str = "
select currency, count(*) as accounts, count(*) filter (where balance < 0) as overdrawn,
       trim_scale(sum(balance))::text as balance, trim_scale(sum(outstanding_amount))::text as outstanding_amount,
       trim_scale(sum(forced_debt))::text as forced_debt
from account_balances group by currency order by currency";
const QUARANTINED: &str = "select count(*) from quarantine";
const LAST_AUDIT: &str = "
select as_of, recorded_at, actor, sound, accounts, entries, wrong, first_finding from audits
order by audit_id desc limit 1";

/// All customers' accounts, as of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// The moment, in database time.
    pub as_of: Timestamp,
    /// A line for each currency, in the order of their names.
    pub currencies: Vec<CurrencyOverview>,
    /// Accounts in quarantine.
    pub quarantined: i64,
    /// The last audit that came to its end, if there ever was one.
    pub last_audit: Option<AuditRecord>,
}

/// All accounts in one currency. Sums are exact decimals, as text.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct CurrencyOverview {
    /// The currency.
    pub currency: String,
    /// Accounts there are.
    pub accounts: i64,
    /// Accounts with a balance below zero.
    pub overdrawn: i64,
    /// What all customers have together.
    pub balance: String,
    /// What customers owe.
    pub outstanding_amount: String,
    /// The part below the floor that forced entries made.
    pub forced_debt: String,
}

/// An audit on record.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct AuditRecord {
    /// The moment that its verdict is true of.
    pub as_of: Timestamp,
    /// When it had come to its end.
    pub recorded_at: Timestamp,
    /// Who audited.
    pub actor: String,
    /// Whether every check held.
    pub sound: bool,
    /// Accounts walked through.
    pub accounts: i64,
    /// Entries walked through.
    pub entries: i64,
    /// How often a check did not hold.
    pub wrong: i64,
    /// The first place where one did not.
    pub first_finding: Option<String>,
}

impl Ledger {
    /// The platform's overview. Reads every balance row.
    ///
    /// # Errors
    /// [`LedgerError::NotFound`] for a caller of one realm; [`LedgerError::Unavailable`] when the database does not answer, or
    /// not in time.
    pub async fn overview(&self, caller: &Caller) -> Result<Overview, LedgerError> {
        if caller.realm.is_some() {
            return Err(LedgerError::NotFound);
        }
        in_snapshot(self.lists(), None, |connection| Box::pin(read_overview(connection))).await
    }
}

async fn read_overview(connection: &mut PgConnection) -> Result<Overview, LedgerError> {
    Ok(Overview {
        as_of: sqlx::query_scalar("select now()").fetch_one(&mut *connection).await?,
        currencies: sqlx::query_as(SUMS).fetch_all(&mut *connection).await?,
        quarantined: sqlx::query_scalar(QUARANTINED).fetch_one(&mut *connection).await?,
        last_audit: sqlx::query_as(LAST_AUDIT).fetch_optional(connection).await?,
    })
}
