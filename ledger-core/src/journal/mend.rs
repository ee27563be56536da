//! What is done about an account that does not hold: out of service, or its row mended on record.

use sqlx::PgConnection;

use super::{
    columns::{self, MONEY, owner_columns},
    stream::{Stream, bigint, natural},
};
use crate::domain::{
    ids::{AccountId, RealmId},
    projection::BalanceRow,
};

/// Takes one account out of service, for every process.
pub(crate) async fn quarantine(
    connection: &mut PgConnection,
    account: AccountId,
    realm: RealmId,
    reason: &str,
) -> sqlx::Result<()> {
    // The key is the account, which no two realms share: the row that may stand there already says the same.
    sqlx::query("insert into quarantine (account_id, realm_id, reason) values ($1, $2, $3) on conflict (account_id) do nothing")
        .bind(account.0)
        .bind(realm.0)
        .bind(reason)
        .execute(connection)
        .await?;
    Ok(())
}

/// How much of a row may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What moves with the account: a lane may do no more.
    Moving,
    /// All of it, and one that is gone.
    Whole,
}

/// Writes the row of an account as its stream has it, and puts on record what it said before. Under the row's lock.
///
/// Returns its `decisions`. They move on, so that whoever has decided on the old row decides again. A row that is new starts
/// them at a number that no process can have seen: the microseconds of today.
pub(crate) async fn mend_row(
    connection: &mut PgConnection,
    stream: &Stream,
    extent: Extent,
    by: &str,
) -> sqlx::Result<Option<u64>> {
    let Some((row, holder)) = BalanceRow::of(&stream.account).zip(stream.account.holder) else {
        return Ok(None);
    };
    let mend = mend(extent);
    let (user, tenant) = owner_columns(row.owner);
    let mut query = sqlx::query_scalar(&mend).bind(by).bind(stream.id.0).bind(row.owner.realm().0);
    query = query.bind(user).bind(tenant).bind(String::from(holder.currency));
    for column in &MONEY {
        query = query.bind((column.of)(&row).decimal());
    }
    let query =
        query.bind(row.last_charged_at).bind(bigint(row.balance_version)).bind(stream.head.as_slice());
    let decisions: Option<i64> = query.fetch_optional(connection).await?;
    decisions.map(natural).transpose()
}

fn mend(extent: Extent) -> String {
    let written = || columns::moving().filter(|(name, _)| !["decisions", "updated_at"].contains(name));
    let identity = columns::IDENTITY.into_iter();
    let names: Vec<_> = identity.clone().chain(written()).collect();
    let values: Vec<_> =
        (3..).zip(&names).map(|(parameter, (_, kind))| format!("${parameter}::{kind}")).collect();
    let into: Vec<_> = names.iter().map(|(name, _)| *name).collect();
    let set = |name: &str| format!("{name} = excluded.{name}");
    let sets: Vec<_> = match extent {
        Extent::Moving => written().map(|(name, _)| set(name)).collect(),
        Extent::Whole => identity.chain(written()).map(|(name, _)| set(name)).collect(),
    };
    format!(
        "with before as (
             select to_json(b) as row from account_balances b where account_id = $2
         ), after as (
             insert into account_balances as b (account_id, {}, decisions, updated_at)
             values ($2, {}, (extract(epoch from clock_timestamp()) * 1000000)::bigint, clock_timestamp())
             on conflict (account_id) do update set {}, decisions = b.decisions + 1, updated_at = excluded.updated_at
             returning realm_id, decisions, to_json(b) as row
         ), recorded as (
             insert into repairs (account_id, realm_id, actor, before, after)
             select $2, after.realm_id, $1, (select row from before), after.row from after
         )
         select decisions from after",
        into.join(", "),
        values.join(", "),
        sets.join(", ")
    )
}
