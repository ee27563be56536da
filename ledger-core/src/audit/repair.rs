//! Mending the balance row of one account, under its lock and from the journal alone.

use serde::Serialize;
use sqlx::PgConnection;

use super::{Difference, Found};
use crate::{
    auditor::{Auditor, AuditorError},
    domain::{
        ids::{AccountId, Owner},
        limits::Label,
        projection::BalanceRow,
    },
    journal::stream::bigint,
};

/// What a repair has come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Repaired {
    /// In what the row differed before it was mended; `None` when it was right already.
    pub difference: Option<Difference>,
    /// Why the account is in quarantine, if it is. It stays there until [`Auditor::release`].
    pub quarantine: Option<String>,
}

impl Auditor {
    /// Mends the balance row of one account: under its lock, from the journal alone, and recorded in `repairs` in somebody's
    /// name. It does not let the account out of quarantine.
    ///
    /// A row that is ahead of the journal is mended too, which a replay never does: whoever names the account says with it
    /// that no entry was lost.
    ///
    /// # Errors
    /// [`AuditorError::Unsound`] when the journal itself does not hold, and
    /// [`LedgerError::NotFound`](crate::LedgerError::NotFound) when there is no such account.
    pub async fn repair(&self, account: AccountId, by: &Label) -> Result<Repaired, AuditorError> {
        self.mend(account, by, Difference::can_be_repaired).await
    }

    pub(crate) async fn mend(
        &self,
        account: AccountId,
        by: &Label,
        may: fn(&Difference) -> bool,
    ) -> Result<Repaired, AuditorError> {
        let by = by.clone();
        self.under_lock(account, move |connection, found| {
            Box::pin(async move {
                let difference = found.difference();
                match &difference {
                    Some(difference) if !may(difference) => {
                        return Err(AuditorError::Unsound(difference.clone()));
                    }
                    Some(_) => write(connection, &found, &by).await?,
                    None => {}
                }
                let reason = sqlx::query_scalar("select reason from quarantine where account_id = $1");
                let quarantine = reason.bind(account.0).fetch_optional(connection).await?;
                Ok(Repaired { difference, quarantine })
            })
        })
        .await
    }
}

/// Writes the row as the journal has it, new if it is gone, and keeps what it said before.
///
/// `decisions` moves on, so that whoever has decided on the old row decides again. A row that is new starts it at a number
/// that no process can have seen: the microseconds of today.
const WRITE: &str = "
with before as (
    select to_json(b) as row from account_balances b where account_id = $1
), after as (
    insert into account_balances as b (account_id, realm_id, owner_user_id, owner_tenant_id, currency, balance,
        frozen_balance, outstanding_amount, free_credit, credit_limit, forced_debt, last_charged_at, balance_version,
        decisions, updated_at)
    values ($1, coalesce($2, $3), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
        (extract(epoch from clock_timestamp()) * 1000000)::bigint, clock_timestamp())
    on conflict (account_id) do update
    set realm_id = excluded.realm_id, owner_user_id = excluded.owner_user_id, owner_tenant_id = excluded.owner_tenant_id,
        currency = excluded.currency, balance = excluded.balance, frozen_balance = excluded.frozen_balance,
        outstanding_amount = excluded.outstanding_amount, free_credit = excluded.free_credit,
        credit_limit = excluded.credit_limit, forced_debt = excluded.forced_debt,
        last_charged_at = excluded.last_charged_at, balance_version = excluded.balance_version,
        decisions = b.decisions + 1, updated_at = excluded.updated_at
    returning realm_id, to_json(b) as row
)
insert into repairs (account_id, realm_id, actor, before, after)
select $1, after.realm_id, $13, (select row from before), after.row from after";

async fn write(connection: &mut PgConnection, found: &Found, by: &Label) -> sqlx::Result<()> {
    let account = &found.stream.account;
    let (Some(row), Some(holder)) = (BalanceRow::of(account), account.holder) else { return Ok(()) };
    let (user, tenant) = match row.owner {
        Owner::User(id) => (Some(id), None),
        Owner::Tenant(id) => (None, Some(id)),
    };
    sqlx::query(WRITE)
        .bind(found.id.0)
        .bind(user)
        .bind(tenant)
        .bind(String::from(holder.currency))
        .bind(row.balance.decimal())
        .bind(row.frozen_balance.decimal())
        .bind(row.outstanding_amount.decimal())
        .bind(row.free_credit.decimal())
        .bind(row.credit_limit.decimal())
        .bind(row.forced_debt.decimal())
        .bind(row.last_charged_at)
        .bind(bigint(row.balance_version))
        .bind(by.as_str())
        .execute(connection)
        .await?;
    Ok(())
}
