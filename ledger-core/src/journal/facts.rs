//! What decisions need to know of closed business, read for a whole batch at once, and proved.

use std::collections::HashMap;

use sqlx::{FromRow, PgConnection, Row};

use super::stream::{BrokenStream, STORED_EVENT, StoredEvent, bigint};
use crate::domain::{
    account::{Facts, Question},
    chain::{CHAIN_START, Hash},
    ids::AccountId,
};

/// Each entry that is asked about, each that follows one up, and each that books a payment that is asked about: once, also
/// where several are asked about.
const PLACES: &str = "
with w (id, sequence) as (select * from unnest($1::text[], $2::bigint[])),
places as (
    select e.aggregate_id, e.sequence from w join events e on e.aggregate_id = w.id and e.sequence = w.sequence
    union
    select e.aggregate_id, e.sequence from w join events e on e.aggregate_id = w.id and e.ref_sequence = w.sequence
    union
    select e.aggregate_id, e.sequence
    from unnest($3::text[], $4::text[], $5::text[]) as p (id, provider, reference)
    join events e on e.aggregate_id = p.id and e.event_type = 'account.topped_up'
        and e.payload ->> 'provider' = p.provider and e.payload ->> 'reference' = p.reference
)";

/// The answers: what entries moved, what has been given back of them since, and where payments are booked.
///
/// Money is decided on them, so each event is held against its hash: one that was edited is an error of its account.
pub(crate) async fn fetch_facts(
    connection: &mut PgConnection,
    questions: &[(AccountId, Question)],
) -> sqlx::Result<HashMap<AccountId, Result<Facts, BrokenStream>>> {
    let mut facts: HashMap<AccountId, Result<Facts, BrokenStream>> = HashMap::new();
    if questions.is_empty() {
        return Ok(facts);
    }
    let select = format!(
        "{PLACES} select {STORED_EVENT}, p.hash as previous_hash
         from places join events e using (aggregate_id, sequence)
         left join events p on p.aggregate_id = e.aggregate_id and p.sequence = e.sequence - 1
         order by e.aggregate_id, e.sequence"
    );
    let (mut entries, mut payments) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new(), Vec::new()));
    for (account, question) in questions {
        match question {
            Question::Original(entry) => {
                entries.0.push(account.to_string());
                entries.1.push(bigint(entry.sequence()));
            }
            Question::Payment(provider, reference) => {
                payments.0.push(account.to_string());
                payments.1.push(provider.to_string());
                payments.2.push(reference.to_string());
            }
        }
    }
    let rows = sqlx::query(&select)
        .bind(entries.0)
        .bind(entries.1)
        .bind(payments.0)
        .bind(payments.1)
        .bind(payments.2);
    for row in rows.fetch_all(connection).await? {
        let id: &str = row.try_get("aggregate_id")?;
        let account: AccountId = id.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        let known = facts.entry(account).or_insert_with(|| Ok(Facts::default()));
        let Ok(learnt) = known else { continue };
        if let Err(broken) = learn(learnt, account, &row) {
            *known = Err(broken);
        }
    }
    Ok(facts)
}

fn learn(facts: &mut Facts, account: AccountId, row: &sqlx::postgres::PgRow) -> Result<(), BrokenStream> {
    let broken = |sequence, reason: String| BrokenStream { account, sequence, reason };
    let stored = StoredEvent::from_row(row).map_err(|error| broken(0, error.to_string()))?;
    let previous: Option<Hash> =
        row.try_get("previous_hash").map_err(|error| broken(stored.sequence, error.to_string()))?;
    let previous = previous.unwrap_or(CHAIN_START);
    if stored.link(&previous).hash() != stored.hash {
        return Err(broken(stored.sequence, "its hash does not match what is stored: it was changed".into()));
    }
    let event =
        stored.event().map_err(|error| broken(stored.sequence, format!("it cannot be read: {error}")))?;
    facts.learn(stored.sequence, &event);
    Ok(())
}
