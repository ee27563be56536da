//! What became of a key: found by asking for the key, never by the name of the constraint that was hit.

use std::collections::HashMap;

use sqlx::{FromRow, PgConnection, Row, postgres::PgRow, types::Json};
use uuid::Uuid;

use super::{
    REFUSALS_PER_ACCOUNT_MAX, decode,
    stream::{STORED_EVENT, StoredEvent},
};
use crate::{
    domain::{account::Rejection, chain::ShortHash, entry::Timestamp, ids::AccountId},
    outcome::{Outcome, Receipt},
};

/// A key on its account.
pub(crate) type KeyOf = (AccountId, ShortHash);

/// What was found of one key. An outcome that this release cannot read is one all the same, and no answer.
pub(crate) type Found = Result<Outcome, Unreadable>;

/// There is an outcome, and a newer release knows which.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unreadable;

const REFUSALS: &str = "
select r.account_id, r.key_hash, r.request_hash, r.rejection, r.refused_at
from unnest($1::uuid[], $2::bytea[]) as k (account_id, key_hash)
join refusals r on r.account_id = k.account_id and r.key_hash = k.key_hash and r.refused_at > $3";

const FORGET: &str = "
delete from refusals where account_id = $1 and (refused_at <= $2 or refused_at < (
    select refused_at from refusals where account_id = $1 order by refused_at desc offset $3 limit 1))";

const SWEEP: &str = "
delete from refusals where ctid = any (array(
    select ctid from refusals where refused_at <= $1 order by refused_at limit $2 for update skip locked))";

/// The outcomes that these keys have, for good or for 30 days.
pub(crate) async fn fetch_outcomes(
    connection: &mut PgConnection,
    keys: &[KeyOf],
    forgotten_before: Timestamp,
) -> sqlx::Result<Vec<(KeyOf, Found)>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let select = format!(
        "select {STORED_EVENT} from unnest($1::text[], $2::bytea[]) as k (id, key_hash)
         join events e on e.aggregate_id = k.id and e.key_hash = k.key_hash"
    );
    let accounts: Vec<Uuid> = keys.iter().map(|(account, _)| account.0).collect();
    let ids: Vec<String> = keys.iter().map(|(account, _)| account.to_string()).collect();
    let hashes: Vec<&[u8]> = keys.iter().map(|(_, key)| key.as_slice()).collect();

    let events = sqlx::query(&select).bind(ids).bind(&hashes).fetch_all(&mut *connection).await?;
    let refusals = sqlx::query(REFUSALS).bind(accounts).bind(&hashes).bind(forgotten_before);
    let refusals = refusals.fetch_all(&mut *connection).await?;
    // A refusal that has ceased to bind may still lie beside the event that came after it, and a clock may still be before that.
    let mut found: HashMap<KeyOf, Found> = refusals.iter().map(of_refusal).collect::<sqlx::Result<_>>()?;
    for row in &events {
        let (key, outcome) = of_event(row)?;
        found.insert(key, outcome);
    }
    Ok(found.into_iter().collect())
}

fn of_event(row: &PgRow) -> sqlx::Result<(KeyOf, Found)> {
    let id: &str = row.try_get("aggregate_id")?;
    let account = id.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    let outcome = || {
        let stored = StoredEvent::from_row(row).ok()?;
        let (result, at) = (Ok(Receipt::of(&stored).ok()?), stored.recorded_at);
        Some(Outcome { request_hash: stored.request_hash?, result, at })
    };
    Ok(((account, row.try_get("key_hash")?), outcome().ok_or(Unreadable)))
}

fn of_refusal(row: &PgRow) -> sqlx::Result<(KeyOf, Found)> {
    let key = (AccountId(row.try_get("account_id")?), row.try_get("key_hash")?);
    let (request_hash, at) = (row.try_get("request_hash")?, decode::time(row, "refused_at")?);
    let rejection: Option<Json<Rejection>> = row.try_get("rejection").ok();
    let outcome = rejection.map(|Json(rejection)| Outcome { request_hash, result: Err(rejection), at });
    Ok((key, outcome.ok_or(Unreadable)))
}

/// Forgets an account's refusals that are too old, or too many.
pub(crate) async fn forget_refusals(
    connection: &mut PgConnection,
    account: AccountId,
    forgotten_before: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query(FORGET)
        .bind(account.0)
        .bind(forgotten_before)
        .bind(REFUSALS_PER_ACCOUNT_MAX - 1)
        .execute(connection)
        .await?;
    Ok(())
}

/// Forgets refusals that are too old, of whatever account, at most `most` of them. Returns how many.
pub(crate) async fn sweep_refusals(
    connection: &mut PgConnection,
    forgotten_before: Timestamp,
    most: i64,
) -> sqlx::Result<u64> {
    let swept = sqlx::query(SWEEP).bind(forgotten_before).bind(most).execute(connection).await?;
    Ok(swept.rows_affected())
}
