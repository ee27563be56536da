//! Which part of the books a command is about.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use clap::Args;
use ledger_core::{AccountId, Currency, RealmId, Selection, Timestamp};

#[derive(Args)]
pub(super) struct Selected {
    /// What was recorded from here on: a day, from its start in UTC, or a time such as 2026-01-31T12:00:00Z.
    #[arg(long, value_parser = moment, value_name = "TIME")]
    from: Option<Timestamp>,
    /// What was recorded before this, in the same form.
    #[arg(long, value_parser = moment, value_name = "TIME")]
    to: Option<Timestamp>,
    /// Of this account.
    #[arg(long, value_name = "ID")]
    account: Option<AccountId>,
    /// Of this tenant's accounts, or of this user's who has no tenant.
    #[arg(long, visible_alias = "tenant", value_name = "ID")]
    owner: Option<RealmId>,
    /// Of accounts in this currency.
    #[arg(long)]
    currency: Option<Currency>,
}

impl Selected {
    pub(super) fn selection(&self) -> anyhow::Result<Selection> {
        let Self { from, to, account, owner, currency } = *self;
        if from.zip(to).is_some_and(|(from, to)| from >= to) {
            anyhow::bail!("--from is not before --to");
        }
        Ok(Selection { from, to, account, owner, currency })
    }
}

fn moment(text: &str) -> Result<Timestamp, String> {
    let day = || text.parse::<NaiveDate>().map(|day| day.and_time(NaiveTime::MIN).and_utc());
    let time = DateTime::parse_from_rfc3339(text).map(|time| time.with_timezone(&Utc));
    time.or_else(|_| day()).map_err(|_| "it is not of the form 2026-01-31 or 2026-01-31T12:00:00Z".to_owned())
}
