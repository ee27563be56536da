//! Reading for the lanes: balance rows, the events behind a warm state, and facts about closed business.

use std::collections::{BTreeMap, HashMap};

use futures::TryStreamExt;
use sqlx::{FromRow, PgConnection, Row};
use uuid::Uuid;

use crate::{
    domain::{
        account::Facts,
        ids::{AccountId, EntryId, RealmId},
    },
    journal::stream::{BrokenStream, STORED_EVENT, StoredEvent, Stream, bigint, natural},
};

/// What the balance row says of its account's state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Balance {
    pub(crate) version: u64,
    pub(crate) decisions: u64,
    pub(crate) realm: RealmId,
    pub(crate) quarantined: bool,
}

const BALANCES: &str = "
select b.account_id, b.balance_version, b.decisions, b.realm_id,
       exists (select 1 from quarantine q where q.account_id = b.account_id) as quarantined
from account_balances b where b.account_id = any ($1)";

const LOCK_BALANCES: &str = "
select 1 as locked from account_balances where account_id = any ($1) order by account_id for update";

pub(crate) async fn fetch_balances(
    connection: &mut PgConnection,
    accounts: &[AccountId],
) -> sqlx::Result<HashMap<AccountId, Balance>> {
    let rows = sqlx::query(BALANCES).bind(uuids(accounts)).fetch_all(connection).await?;
    let balance = |row: &sqlx::postgres::PgRow| {
        let balance = Balance {
            version: natural(row.try_get("balance_version")?)?,
            decisions: natural(row.try_get("decisions")?)?,
            realm: RealmId(row.try_get("realm_id")?),
            quarantined: row.try_get("quarantined")?,
        };
        Ok((AccountId(row.try_get("account_id")?), balance))
    };
    rows.iter().map(balance).collect()
}

/// Locks the rows in id order. What they hold must be read in a later statement: a wait inside one keeps the old snapshot.
pub(crate) async fn lock_balances(connection: &mut PgConnection, accounts: &[AccountId]) -> sqlx::Result<()> {
    sqlx::query(LOCK_BALANCES).bind(uuids(accounts)).execute(connection).await?;
    Ok(())
}

/// Brings every stream up to the end of the journal. The first broken one of each account is returned beside it.
pub(crate) async fn follow_events(
    connection: &mut PgConnection,
    streams: &mut BTreeMap<AccountId, Stream>,
) -> sqlx::Result<HashMap<AccountId, BrokenStream>> {
    let select = format!(
        "select {STORED_EVENT} from unnest($1::text[], $2::bigint[]) as w (id, after)
         join events e on e.aggregate_id = w.id and e.sequence > w.after
         order by e.aggregate_id, e.sequence"
    );
    let ids: Vec<String> = streams.keys().map(AccountId::to_string).collect();
    let versions: Vec<i64> = streams.values().map(|stream| bigint(stream.account.version)).collect();
    let mut broken: HashMap<AccountId, BrokenStream> = HashMap::new();
    let mut rows = sqlx::query(&select).bind(ids).bind(versions).fetch(connection);
    while let Some(row) = rows.try_next().await? {
        let stored = StoredEvent::from_row(&row)?;
        if broken.contains_key(&stored.account) {
            continue;
        }
        let stream = streams.get_mut(&stored.account).expect("only these streams were asked for");
        if let Err(error) = stream.follow(&stored) {
            broken.insert(stored.account, error);
        }
    }
    Ok(broken)
}

/// The facts about these entries: what they charged, and what has been refunded of them since.
pub(crate) async fn fetch_facts(
    connection: &mut PgConnection,
    entries: &[(AccountId, EntryId)],
) -> sqlx::Result<HashMap<AccountId, Facts>> {
    let mut facts: HashMap<AccountId, Facts> = HashMap::new();
    if entries.is_empty() {
        return Ok(facts);
    }
    let select = format!(
        "with w (id, sequence) as (select distinct * from unnest($1::text[], $2::bigint[]))
         select {STORED_EVENT} from w join events e on e.aggregate_id = w.id and e.sequence = w.sequence
         union all
         select {STORED_EVENT} from w join events e on e.aggregate_id = w.id and e.ref_sequence = w.sequence
         order by aggregate_id, sequence"
    );
    let ids: Vec<String> = entries.iter().map(|(account, _)| account.to_string()).collect();
    let sequences: Vec<i64> = entries.iter().map(|(_, entry)| bigint(entry.sequence())).collect();
    let rows: Vec<StoredEvent> =
        sqlx::query_as(&select).bind(ids).bind(sequences).fetch_all(connection).await?;
    for stored in rows {
        let event = stored.event().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        facts.entry(stored.account).or_default().learn(stored.sequence, &event);
    }
    Ok(facts)
}

/// Takes one broken account out of service, for every process that loads it from now on, until an audit finds it sound. A
/// process that has it warm goes on with the state that it proved when it loaded it.
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

fn uuids(accounts: &[AccountId]) -> Vec<Uuid> {
    accounts.iter().map(|account| account.0).collect()
}
