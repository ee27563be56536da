//! What became of a key: found by asking for the key, never by the name of the constraint that was hit.

use chrono::TimeDelta;
use sqlx::{PgConnection, Row, types::Json};
use uuid::Uuid;

use super::{REFUSAL_DAYS, REFUSALS_PER_ACCOUNT_MAX};
use crate::{
    domain::{account::Rejection, chain::ShortHash, entry::Timestamp, ids::AccountId},
    journal::stream::{STORED_EVENT, StoredEvent},
    outcome::{Outcome, Outcomes, Receipt},
};

const REFUSALS: &str = "
select r.account_id, r.key_hash, r.request_hash, r.rejection, r.refused_at
from unnest($1::uuid[], $2::bytea[]) as k (account_id, key_hash)
join refusals r on r.account_id = k.account_id and r.key_hash = k.key_hash and r.refused_at > $3";

const FORGET: &str = "
delete from refusals where account_id = $1 and (refused_at <= $2 or refused_at < (
    select refused_at from refusals where account_id = $1 order by refused_at desc offset $3 limit 1))";

/// The outcomes that these keys have, for good or for 30 days.
pub(crate) async fn fetch_outcomes(
    connection: &mut PgConnection,
    keys: &[(AccountId, ShortHash)],
    forgotten_before: Timestamp,
) -> sqlx::Result<Outcomes> {
    let select = format!(
        "select {STORED_EVENT} from unnest($1::text[], $2::bytea[]) as k (id, key_hash)
         join events e on e.aggregate_id = k.id and e.key_hash = k.key_hash"
    );
    let accounts: Vec<Uuid> = keys.iter().map(|(account, _)| account.0).collect();
    let ids: Vec<String> = keys.iter().map(|(account, _)| account.to_string()).collect();
    let hashes: Vec<&[u8]> = keys.iter().map(|(_, key)| key.as_slice()).collect();
    let mut outcomes = Outcomes::new();

    let events: Vec<StoredEvent> =
        sqlx::query_as(&select).bind(ids).bind(&hashes).fetch_all(&mut *connection).await?;
    for stored in events {
        let (Some(key), Some(request_hash)) = (stored.key_hash, stored.request_hash) else {
            continue;
        };
        let receipt = Receipt::of(&stored)?;
        let outcome = Outcome { request_hash, result: Ok(receipt), at: stored.recorded_at };
        outcomes.insert((stored.account, key), outcome);
    }
    let refusals = sqlx::query(REFUSALS).bind(accounts).bind(&hashes).bind(forgotten_before);
    for row in refusals.fetch_all(&mut *connection).await? {
        let Json(rejection): Json<Rejection> = row.try_get("rejection")?;
        let outcome = Outcome {
            request_hash: row.try_get("request_hash")?,
            result: Err(rejection),
            at: row.try_get("refused_at")?,
        };
        outcomes.insert((AccountId(row.try_get("account_id")?), row.try_get("key_hash")?), outcome);
    }
    Ok(outcomes)
}

/// Forgets an account's refusals that are too old, or too many.
pub(crate) async fn forget_refusals(
    connection: &mut PgConnection,
    account: AccountId,
    now: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query(FORGET)
        .bind(account.0)
        .bind(now - TimeDelta::days(REFUSAL_DAYS))
        .bind(REFUSALS_PER_ACCOUNT_MAX - 1)
        .execute(connection)
        .await?;
    Ok(())
}
