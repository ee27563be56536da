//! Mending the balance row of one account, under its lock and from the journal alone.

use futures::future::BoxFuture;
use sqlx::PgConnection;

use super::{Difference, Found, Step, Walk};
use crate::{
    auditor::{Auditor, AuditorError},
    domain::{
        ids::{AccountId, Owner},
        limits::Label,
        projection::BalanceRow,
    },
    error::LedgerError,
    journal,
    journal::stream::{BrokenStream, bigint},
};

impl Auditor {
    /// Mends the balance row of one account: under its lock, from the journal alone, and recorded in `repairs`. Returns in
    /// what it differed, or `None` when it was right already. An account in quarantine is released: it is sound now.
    ///
    /// A row that is ahead of the journal is mended too, which a replay never does: whoever names the account says with it
    /// that no entry was lost.
    ///
    /// # Errors
    /// [`AuditorError::Broken`] when the journal itself does not hold, [`LedgerError::NotFound`] when there is no such account.
    pub async fn repair(
        &self,
        account: AccountId,
        actor: &Label,
    ) -> Result<Option<Difference>, AuditorError> {
        Ok(self.mend(account, actor, Difference::can_be_repaired).await??)
    }

    pub(crate) async fn mend(
        &self,
        account: AccountId,
        actor: &Label,
        may: fn(&Difference) -> bool,
    ) -> Result<Result<Option<Difference>, BrokenStream>, LedgerError> {
        let actor = actor.clone();
        self.under_lock(account, move |connection| {
            Box::pin(async move {
                let found = find(connection, account).await?.ok_or(LedgerError::NotFound)?;
                let difference = found.difference();
                match &difference {
                    Some(difference) if !may(difference) => return Ok(Err(difference.clone().into())),
                    Some(_) => write(connection, &found, &actor).await?,
                    None => {}
                }
                release(connection, account).await?;
                Ok(Ok(difference))
            })
        })
        .await
    }

    /// Releases an account from quarantine if it is sound now. Returns whether it was.
    pub(crate) async fn release(&self, account: AccountId) -> Result<bool, LedgerError> {
        self.under_lock(account, move |connection| {
            Box::pin(async move {
                let sound = find(connection, account).await?.is_none_or(|found| found.difference().is_none());
                if sound {
                    release(connection, account).await?;
                }
                Ok(sound)
            })
        })
        .await
    }

    /// Runs `work` in one transaction that holds the lock of the account.
    async fn under_lock<T, W>(&self, account: AccountId, work: W) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, LedgerError>> + Send + 'static,
    {
        let pool = self.writer.clone();
        // In a task of its own: whoever stops waiting drops the waiting, never the `begin()`.
        let task = tokio::spawn(async move {
            let mut tx = pool.begin_with("begin").await?;
            // `work` reads in later statements: this one, if it had to wait, would still see what was before.
            journal::lock_balances(&mut tx, &[account]).await?;
            let result = work(&mut tx).await?;
            tx.commit().await?;
            Ok(result)
        });
        task.await.map_err(|_| LedgerError::Unavailable(None))?
    }
}

/// The account as journal and balance row show it; `None` when there is neither.
async fn find(connection: &mut PgConnection, account: AccountId) -> sqlx::Result<Option<Found>> {
    let mut walk = Walk::through(connection, account).await?;
    while let Some(step) = walk.next().await? {
        match step {
            Step::Entry(..) => {}
            Step::Account(found) => return Ok(Some(found)),
        }
    }
    Ok(None)
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

async fn write(connection: &mut PgConnection, found: &Found, actor: &Label) -> sqlx::Result<()> {
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
        .bind(actor.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

async fn release(connection: &mut PgConnection, account: AccountId) -> sqlx::Result<()> {
    sqlx::query("delete from quarantine where account_id = $1").bind(account.0).execute(connection).await?;
    Ok(())
}
