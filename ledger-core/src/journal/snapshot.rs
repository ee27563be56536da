//! Snapshots: where a stream stood at one of its events. Hints that can be dropped at any time: the journal has it all.

use std::sync::LazyLock;

use chrono::DateTime;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, Row, postgres::PgRow};

use super::{
    columns::uuids,
    loaded::Loaded,
    stream::{StoredEvent, Stream, bigint, natural},
};
use crate::domain::{
    account::{Account, Holder},
    chain::Hash,
    entry::Timestamp,
    ids::{AccountId, Owner},
};

/// A snapshot that is this many events behind is taken anew.
pub(crate) const SNAPSHOT_EVENTS: u64 = 4_096;

const FETCH: &str = "
select account_id, sequence, head, state::text as state from snapshots
where account_id = any ($1) and schema_hash = $2";
const KEEP: &str = "
insert into snapshots as s (account_id, realm_id, sequence, head, state, schema_hash)
values ($1, $2, $3, $4, $5::json, $6)
on conflict (account_id) do update
set sequence = excluded.sequence, head = excluded.head, state = excluded.state, schema_hash = excluded.schema_hash,
    taken_at = clock_timestamp()
where s.realm_id = excluded.realm_id and (s.sequence < excluded.sequence or s.schema_hash <> excluded.schema_hash)";

/// A stream as a snapshot has it: not believed before the event that it is of has been seen.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) stream: Stream,
}

#[derive(Serialize, Deserialize)]
struct State {
    account: Account,
    recorded_at: Timestamp,
}

/// What the form of a state hashes to. A release that keeps more, or other, of an account reads no older snapshot.
static SCHEMA: LazyLock<Hash> = LazyLock::new(|| {
    let at = DateTime::UNIX_EPOCH;
    let holder =
        Holder { owner: Owner::User(uuid::Uuid::nil()), currency: "XXX".parse().expect("a currency") };
    let account =
        Account { holder: Some(holder), at: Some(at), last_charged_at: Some(at), ..Account::default() };
    let state = serde_json::to_vec(&State { account, recorded_at: at }).expect("a state is plain JSON");
    Sha256::digest(state).into()
});

impl Snapshot {
    /// The snapshots there are of these accounts, in today's form. One that cannot be read is none.
    pub(super) async fn fetch(
        connection: &mut PgConnection,
        accounts: &[AccountId],
    ) -> sqlx::Result<Vec<(AccountId, Self)>> {
        if accounts.is_empty() {
            return Ok(Vec::new());
        }
        let fetch = sqlx::query(FETCH).bind(uuids(accounts)).bind(SCHEMA.as_slice());
        let rows = fetch.fetch_all(connection).await?;
        Ok(rows.iter().filter_map(|row| Self::read(row).ok()).collect())
    }

    fn read(row: &PgRow) -> sqlx::Result<(AccountId, Self)> {
        let id = AccountId(row.try_get("account_id")?);
        let state: &str = row.try_get("state")?;
        let decode = |error| sqlx::Error::Decode(Box::new(error));
        let State { account, recorded_at } = serde_json::from_str(state).map_err(decode)?;
        let is_of_account = account.id() == Some(id) && account.version == natural(row.try_get("sequence")?)?;
        if !is_of_account {
            return Err(sqlx::Error::Decode("a snapshot of something else".into()));
        }
        Ok((id, Self { stream: Stream { id, account, head: row.try_get("head")?, recorded_at } }))
    }

    /// Whether this event left the account so.
    pub(super) fn is_of(&self, stored: &StoredEvent) -> bool {
        let Stream { id, account, head, recorded_at } = &self.stream;
        let is_at = (stored.account, stored.sequence, stored.hash, stored.recorded_at)
            == (*id, account.version, *head, *recorded_at);
        is_at
            && stored.event().is_ok_and(|event| {
                event.entry().after == account.balances && Some(event.entry().at) == account.at
            })
    }

    /// Keeps where this account stands, unless a later snapshot is there.
    pub(crate) async fn keep(connection: &mut PgConnection, loaded: &Loaded) -> sqlx::Result<()> {
        let Stream { id, account, head, recorded_at } = &loaded.stream;
        let Some(holder) = account.holder else { return Ok(()) };
        let state = State { account: account.clone(), recorded_at: *recorded_at };
        sqlx::query(KEEP)
            .bind(id.0)
            .bind(holder.owner.realm().0)
            .bind(bigint(account.version))
            .bind(head.as_slice())
            .bind(serde_json::to_string(&state).expect("a state is plain JSON"))
            .bind(SCHEMA.as_slice())
            .execute(connection)
            .await?;
        Ok(())
    }
}
