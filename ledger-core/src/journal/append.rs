//! The append: one prepared autocommit statement moves the balance rows and stores what was decided, or does nothing.

use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::{
    domain::{
        account::Rejection,
        chain::ShortHash,
        entry::Timestamp,
        ids::{AccountId, Owner},
        money::{Currency, Money},
        projection::BalanceRow,
    },
    journal::stream::{StoredEvent, bigint},
};

/// Everything that one batch has decided.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Commit {
    /// One per account touched, in the order of their ids.
    pub(crate) moves: Vec<Move>,
    pub(crate) events: Vec<StoredEvent>,
    pub(crate) refusals: Vec<Refusal>,
}

/// A balance row from the state that the batch was decided on to the state that it leaves.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) account: AccountId,
    pub(crate) currency: Currency,
    pub(crate) base_version: u64,
    pub(crate) base_decisions: u64,
    pub(crate) decisions: u64,
    pub(crate) row: BalanceRow,
    pub(crate) at: Timestamp,
}

/// A key's outcome that left no event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) account: AccountId,
    pub(crate) key_hash: ShortHash,
    pub(crate) request_hash: ShortHash,
    pub(crate) rejection: Rejection,
    pub(crate) at: Timestamp,
}

#[derive(Debug)]
pub(crate) enum AppendError {
    /// A fence held: another process moved an account, or a key has its outcome already. Nothing happened.
    Fenced,
    /// Anything else. What happened is unknown.
    Unknown(sqlx::Error),
}

/// Stores a batch and returns database time.
///
/// Rows are locked in id order, so that two processes cannot deadlock. `taken` finds keys whose outcome stands in the other
/// table; a key taken in the same table breaks its unique index. All of it is fenced by (version, decisions): whoever decided
/// on a state that is no longer the latest moves no row, and `must_move` then raises and rolls everything back.
const APPEND: &str = "
with move as (
    select * from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::uuid[], $6::uuid[], $7::text[],
        $8::numeric[], $9::numeric[], $10::numeric[], $11::numeric[], $12::numeric[], $13::numeric[],
        $14::timestamptz[], $15::bigint[], $16::timestamptz[])
    as m (account_id, base_version, base_decisions, decisions, owner_user_id, owner_tenant_id, currency,
        balance, frozen_balance, outstanding_amount, free_credit, credit_limit, forced_debt,
        last_charged_at, balance_version, updated_at)
), locked as (
    select account_id from account_balances where account_id = any ($1) order by account_id for update
), changed as (
    update account_balances b
    set balance = m.balance, frozen_balance = m.frozen_balance, outstanding_amount = m.outstanding_amount,
        free_credit = m.free_credit, credit_limit = m.credit_limit, forced_debt = m.forced_debt,
        last_charged_at = m.last_charged_at, balance_version = m.balance_version, decisions = m.decisions,
        updated_at = m.updated_at
    from move m join locked l using (account_id)
    where b.account_id = m.account_id and b.balance_version = m.base_version and b.decisions = m.base_decisions
    returning b.account_id, b.realm_id, b.currency
), opened as (
    insert into account_balances (account_id, realm_id, owner_user_id, owner_tenant_id, currency, balance, frozen_balance,
        outstanding_amount, free_credit, credit_limit, forced_debt, last_charged_at, balance_version, decisions, updated_at)
    select account_id, coalesce(owner_user_id, owner_tenant_id), owner_user_id, owner_tenant_id, currency, balance,
        frozen_balance, outstanding_amount, free_credit, credit_limit, forced_debt, last_charged_at, balance_version,
        decisions, updated_at
    from move where base_version = 0
    returning account_id, realm_id, currency
), moved as (
    select * from changed union all select * from opened
), stored as (
    insert into events (aggregate_id, sequence, event_type, event_version, payload, metadata, realm_id, currency,
        key_hash, request_hash, ref_sequence, note, note_digest, recorded_at, hash)
    select e.account_id::text, e.sequence, e.event_type, e.event_version, e.payload, e.metadata, m.realm_id, m.currency,
        e.key_hash, e.request_hash, e.ref_sequence, e.note, e.note_digest, e.recorded_at, e.hash
    from unnest($17::uuid[], $18::bigint[], $19::text[], $20::text[], $21::json[], $22::json[], $23::bytea[], $24::bytea[],
        $25::bigint[], $26::json[], $27::bytea[], $28::timestamptz[], $29::bytea[])
    as e (account_id, sequence, event_type, event_version, payload, metadata, key_hash, request_hash,
        ref_sequence, note, note_digest, recorded_at, hash)
    join moved m on m.account_id = e.account_id
    returning 1
), refused as (
    insert into refusals (account_id, key_hash, realm_id, request_hash, rejection, refused_at)
    select r.account_id, r.key_hash, m.realm_id, r.request_hash, r.rejection, r.refused_at
    from unnest($30::uuid[], $31::bytea[], $32::bytea[], $33::json[], $34::timestamptz[])
    as r (account_id, key_hash, request_hash, rejection, refused_at)
    join moved m on m.account_id = r.account_id
    on conflict (account_id, key_hash) do update
    set request_hash = excluded.request_hash, rejection = excluded.rejection, refused_at = excluded.refused_at
    where refusals.refused_at <= $35
    returning 1
), taken as (
    select 1 from unnest($17::uuid[], $23::bytea[]) as k (account_id, key_hash)
    join refusals r on r.account_id = k.account_id and r.key_hash = k.key_hash and r.refused_at > $35
    union all
    select 1 from unnest($30::uuid[], $31::bytea[]) as k (account_id, key_hash)
    join events e on e.aggregate_id = k.account_id::text and e.key_hash = k.key_hash
)
select must_move((select count(*) from moved), cardinality($1)),
       must_move((select count(*) from stored), cardinality($17)),
       must_move((select count(*) from refused), cardinality($30)),
       must_move((select count(*) from taken), 0),
       clock_timestamp() as now";

pub(crate) async fn append(
    connection: &mut PgConnection,
    commit: &Commit,
    forgotten_before: Timestamp,
) -> Result<Timestamp, AppendError> {
    let Commit { moves, events, refusals } = commit;
    assert!(moves.is_sorted_by_key(|each| each.account), "rows are locked in the order of ids");
    let money =
        |of: fn(&BalanceRow) -> Money| moves.iter().map(|each| of(&each.row).decimal()).collect::<Vec<_>>();
    let owners =
        |of: fn(Owner) -> Option<Uuid>| moves.iter().map(|each| of(each.row.owner)).collect::<Vec<_>>();
    let append = sqlx::query(APPEND)
        .bind(column(moves, |each| each.account.0))
        .bind(column(moves, |each| bigint(each.base_version)))
        .bind(column(moves, |each| bigint(each.base_decisions)))
        .bind(column(moves, |each| bigint(each.decisions)))
        .bind(owners(|owner| if let Owner::User(id) = owner { Some(id) } else { None }))
        .bind(owners(|owner| if let Owner::Tenant(id) = owner { Some(id) } else { None }))
        .bind(column(moves, |each| String::from(each.currency)))
        .bind(money(|row| row.balance))
        .bind(money(|row| row.frozen_balance))
        .bind(money(|row| row.outstanding_amount))
        .bind(money(|row| row.free_credit))
        .bind(money(|row| row.credit_limit))
        .bind(money(|row| row.forced_debt))
        .bind(column(moves, |each| each.row.last_charged_at))
        .bind(column(moves, |each| bigint(each.row.balance_version)))
        .bind(column(moves, |each| each.at))
        .bind(column(events, |event| event.account.0))
        .bind(column(events, |event| bigint(event.sequence)))
        .bind(column(events, |event| event.event_type.as_str()))
        .bind(column(events, |event| event.event_version.as_str()))
        .bind(column(events, |event| event.payload.as_str()))
        .bind(column(events, |event| event.metadata.as_str()))
        .bind(column(events, |event| event.key_hash.as_ref().map(|hash| hash.as_slice())))
        .bind(column(events, |event| event.request_hash.as_ref().map(|hash| hash.as_slice())))
        .bind(column(events, |event| event.ref_sequence.map(bigint)))
        .bind(column(events, |event| event.note.as_deref()))
        .bind(column(events, |event| event.note_digest.as_ref().map(|hash| hash.as_slice())))
        .bind(column(events, |event| event.recorded_at))
        .bind(column(events, |event| event.hash.as_slice()))
        .bind(column(refusals, |refusal| refusal.account.0))
        .bind(column(refusals, |refusal| refusal.key_hash.as_slice()))
        .bind(column(refusals, |refusal| refusal.request_hash.as_slice()))
        .bind(column(refusals, |refusal| {
            serde_json::to_string(&refusal.rejection).expect("a rejection is plain JSON")
        }))
        .bind(column(refusals, |refusal| refusal.at))
        .bind(forgotten_before);
    match append.fetch_one(&mut *connection).await {
        Ok(row) => row.try_get("now").map_err(AppendError::Unknown),
        Err(error) if is_fence(&error) => Err(AppendError::Fenced),
        Err(error) => Err(AppendError::Unknown(error)),
    }
}

/// must_move, a unique index, or a deadlock that PostgreSQL resolved. By code and not by the constraint's name: workers of a
/// cluster hide that. Whoever was fenced asks for the keys and versions themselves.
fn is_fence(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| ["LD001", "23505", "40001", "40P01"].contains(&code.as_ref()))
}

fn column<'a, T, V>(rows: &'a [T], of: impl Fn(&'a T) -> V) -> Vec<V> {
    rows.iter().map(of).collect()
}
