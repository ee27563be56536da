//! The append: one prepared autocommit statement moves the balance rows and stores what was decided, or does nothing.

use std::sync::LazyLock;

use sqlx::{PgConnection, Postgres, Row, postgres::PgArguments, query::Query};

use super::{
    columns::{self, MONEY, owner_columns},
    loaded::Loaded,
    stream::{StoredEvent, bigint},
};
use crate::domain::{
    account::Rejection,
    chain::{Hash, ShortHash},
    entry::Timestamp,
    ids::AccountId,
    money::Currency,
    projection::BalanceRow,
};

/// Everything that one batch has decided.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Commit {
    /// One per account touched, in the order of their ids.
    pub(crate) moves: Vec<Move>,
    pub(crate) events: Vec<StoredEvent>,
    pub(crate) refusals: Vec<Refusal>,
    /// Refusals from before then bind nobody any more.
    pub(crate) forgotten_before: Timestamp,
    /// When it was decided. It must be stored within a minute.
    pub(crate) decided_at: Timestamp,
}

/// A balance row from the state that the batch was decided on to the state that it leaves.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) account: AccountId,
    pub(crate) currency: Currency,
    /// What the row must be now; `None` for one that is not there yet.
    pub(crate) base: Option<Base>,
    pub(crate) row: BalanceRow,
    pub(crate) decisions: u64,
    pub(crate) head: Hash,
    pub(crate) at: Timestamp,
}

/// The row that a decision was taken on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Base {
    pub(crate) row: BalanceRow,
    pub(crate) decisions: u64,
    pub(crate) head: Option<Hash>,
}

impl Base {
    /// The row of an account as it was loaded, `None` for one that nobody has opened.
    pub(crate) fn of(loaded: &Loaded) -> Option<Self> {
        let row = BalanceRow::of(&loaded.stream.account)?;
        Some(Self { row, decisions: loaded.decisions, head: loaded.row_head })
    }
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
    /// A fence held: another process moved an account, a key has its outcome already, the decision is too old, or somebody
    /// holds a lock. Nothing happened.
    Fenced(Fence),
    /// Anything else. What happened is unknown.
    Unknown(sqlx::Error),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fence {
    Moved,
    /// The lock of a row, or of a key, was not to be had in time.
    Locked,
}

/// Which parts a batch needs: most only charge accounts that are open.
#[derive(Clone, Copy)]
struct Shape {
    opens: bool,
    refuses: bool,
}

static STATEMENTS: LazyLock<[String; 4]> = LazyLock::new(|| {
    let shape = |(opens, refuses)| Shape { opens, refuses }.statement();
    [(false, false), (false, true), (true, false), (true, true)].map(shape)
});

/// What the append sends, for tests of how the server goes about it.
#[cfg(feature = "failpoints")]
#[must_use]
pub fn append_statements() -> &'static [String] {
    STATEMENTS.as_slice()
}

/// Stores a batch and returns database time.
pub(crate) async fn append(connection: &mut PgConnection, commit: &Commit) -> Result<Timestamp, AppendError> {
    let shape = Shape {
        opens: commit.moves.iter().any(|each| each.base.is_none()),
        refuses: !commit.refusals.is_empty(),
    };
    let statement = &STATEMENTS[usize::from(shape.opens) * 2 + usize::from(shape.refuses)];
    let mut query = sqlx::query(statement).bind(commit.forgotten_before).bind(commit.decided_at);
    query = bind_moves(bind_events(query, &commit.events), &commit.moves);
    if shape.refuses {
        query = bind_refusals(query, &commit.refusals);
    }
    match query.fetch_one(&mut *connection).await {
        Ok(row) => row.try_get("now").map_err(AppendError::Unknown),
        Err(error) => Err(fence(&error).map_or(AppendError::Unknown(error), AppendError::Fenced)),
    }
}

/// must_move, a unique index, a deadlock that PostgreSQL resolved, or a lock that was not to be had. By code and not by the
/// constraint's name: workers of a cluster hide that. Whoever was fenced asks for the keys and versions themselves.
pub(crate) fn fence(error: &sqlx::Error) -> Option<Fence> {
    let code = error.as_database_error().and_then(|error| error.code())?;
    match code.as_ref() {
        "LD001" | "23505" | "40001" | "40P01" => Some(Fence::Moved),
        "55P03" => Some(Fence::Locked),
        _ => None,
    }
}

/// The arrays in the order in which they are bound; in front of them stand `forgotten_before` and `decided_at`.
const EVENT: [(&str, &str); 13] = [
    ("account_id", "uuid"),
    ("key_hash", "bytea"),
    ("sequence", "bigint"),
    ("event_type", "text"),
    ("event_version", "text"),
    ("payload", "json"),
    ("metadata", "json"),
    ("request_hash", "bytea"),
    ("ref_sequence", "bigint"),
    ("note", "json"),
    ("note_digest", "bytea"),
    ("recorded_at", "timestamptz"),
    ("hash", "bytea"),
];
const BASE: [(&str, &str); 4] = [
    ("base_version", "bigint"),
    ("base_decisions", "bigint"),
    ("base_head", "bytea"),
    ("base_last_charged_at", "timestamptz"),
];
const REFUSAL: [(&str, &str); 5] = [
    ("account_id", "uuid"),
    ("key_hash", "bytea"),
    ("request_hash", "bytea"),
    ("rejection", "json"),
    ("refused_at", "timestamptz"),
];

impl Shape {
    /// The statement.
    ///
    /// Rows are locked in id order, so that two processes cannot deadlock. Each is held against the whole row that was
    /// decided on: whoever decided on a state that is not the latest moves no row, and neither does whoever meets a row that
    /// was changed behind the ledger's back. `taken` finds keys whose outcome stands in the other table; a key taken in the
    /// same table breaks its unique index. Then `must_move` raises, and everything is rolled back.
    ///
    /// The planner takes every array for ten rows, and would loop over all pairs of two of them. So `locked` is asked once
    /// and not joined, and events meet their rows in a full join, which cannot be a loop.
    fn statement(self) -> String {
        let moves = move_columns();
        let [event, first_move] = [3, 3 + EVENT.len()];
        let refusal = first_move + moves.len();
        let (move_arrays, event_arrays) = (unnest(first_move, &moves), unnest(event, &EVENT.map(own)));
        let refused = if self.refuses { refused(refusal) } else { String::new() };
        let (n_refused, n_refusals, key_of_event) = if self.refuses {
            let key_of_event = format!(
                "union all select 1 from unnest(${refusal}::uuid[], ${}::bytea[]) as k (account_id, key_hash)
    join events e on e.aggregate_id = k.account_id::text and e.key_hash = k.key_hash",
                refusal + 1
            );
            ("(select count(*) from refused)", format!("cardinality(${refusal})"), key_of_event)
        } else {
            ("0", "0".to_owned(), String::new())
        };
        let moved = if self.opens { opened() } else { ", moved as (select * from changed)".to_owned() };
        let names =
            |prefix: &str| MONEY.each_ref().map(|column| format!("{prefix}{}", column.name)).join(", ");
        let sets: Vec<String> = columns::moving().map(|(name, _)| format!("{name} = m.{name}")).collect();
        let event_columns = |prefix: &str| {
            EVENT[1..].iter().map(|(name, _)| format!("{prefix}{name}")).collect::<Vec<_>>().join(", ")
        };
        format!(
            "with move as (
    select * from {move_arrays} as m
), locked as (
    select count(*) as n from (
        select 1 from account_balances where account_id = any (${first_move}) order by account_id for no key update
    ) each
), changed as (
    update account_balances b set {sets} from move m
    where b.account_id = m.account_id and (select n from locked) >= 0
      and b.balance_version = m.base_version and b.decisions = m.base_decisions
      and b.head is not distinct from m.base_head
      and b.last_charged_at is not distinct from m.base_last_charged_at
      and ({sums}) = ({base_sums})
      and b.realm_id = m.realm_id and b.currency = m.currency
      and b.owner_user_id is not distinct from m.owner_user_id
      and b.owner_tenant_id is not distinct from m.owner_tenant_id
    returning b.account_id, b.realm_id, b.currency
){moved}, stored as (
    insert into events (aggregate_id, realm_id, currency, {into})
    select m.account_id::text, m.realm_id, m.currency, {from}
    from {event_arrays} as e full join moved m on m.account_id = e.account_id
    where case when e.account_id is null or m.account_id is null then false else true end
    returning 1
){refused}, taken as (
    select 1 from unnest(${event}::uuid[], ${event_key}::bytea[]) as k (account_id, key_hash)
    join refusals r on r.account_id = k.account_id and r.key_hash = k.key_hash and r.refused_at > $1::timestamptz
    {key_of_event}
)
select must_move(
    array[(select count(*) from moved), (select count(*) from stored), {n_refused}, (select count(*) from taken),
        (select count(*) from quarantine where account_id = any (${first_move})),
        (clock_timestamp() > $2::timestamptz + interval '1 minute')::int],
    array[cardinality(${first_move}), cardinality(${event}), {n_refusals}, 0, 0, 0]),
    clock_timestamp() as now",
            sets = sets.join(", "),
            sums = names("b."),
            base_sums = names("m.base_"),
            into = event_columns(""),
            from = event_columns("e."),
            event_key = event + 1,
        )
    }
}

/// The accounts that the batch opens: their rows are new.
fn opened() -> String {
    let names = || columns::IDENTITY.into_iter().chain(columns::moving()).map(|(name, _)| name);
    let into: Vec<_> = names().collect();
    let from: Vec<_> = names().map(|name| format!("m.{name}")).collect();
    format!(
        ", opened as (
    insert into account_balances (account_id, {}) select m.account_id, {} from move m where m.base_version is null
    returning account_id, realm_id, currency
), moved as (
    select * from changed union all select * from opened
)",
        into.join(", "),
        from.join(", ")
    )
}

/// The refusals, which find their realm as events do. One that binds nobody any more is overwritten.
fn refused(first: usize) -> String {
    format!(
        ", refused as (
    insert into refusals (account_id, key_hash, realm_id, request_hash, rejection, refused_at)
    select m.account_id, r.key_hash, m.realm_id, r.request_hash, r.rejection, r.refused_at
    from {} as r full join moved m on m.account_id = r.account_id
    where case when r.account_id is null or m.account_id is null then false else true end
    on conflict (account_id, key_hash) do update
    set request_hash = excluded.request_hash, rejection = excluded.rejection, refused_at = excluded.refused_at
    where refusals.refused_at <= $1::timestamptz
    returning 1
)",
        unnest(first, &REFUSAL.map(own))
    )
}

/// The columns of a move: whose row it is, what it must be now, and what it becomes.
fn move_columns() -> Vec<(String, &'static str)> {
    let account = std::iter::once(("account_id", "uuid"));
    let base_sums = MONEY.iter().map(|column| (format!("base_{}", column.name), "numeric"));
    let named = account.chain(columns::IDENTITY).chain(BASE).map(own);
    named.chain(base_sums).chain(columns::moving().map(own)).collect()
}

fn own((name, kind): (&str, &'static str)) -> (String, &'static str) {
    (name.to_owned(), kind)
}

/// Arrays side by side as a table: `(select * from unnest($3::uuid[], …) as t (account_id, …))`.
fn unnest(first: usize, columns: &[(String, &str)]) -> String {
    let arrays: Vec<_> =
        (first..).zip(columns).map(|(parameter, (_, kind))| format!("${parameter}::{kind}[]")).collect();
    let names: Vec<_> = columns.iter().map(|(name, _)| name.as_str()).collect();
    format!("(select * from unnest({}) as t ({}))", arrays.join(", "), names.join(", "))
}

type Statement<'q> = Query<'q, Postgres, PgArguments>;

fn bind_events<'q>(query: Statement<'q>, events: &'q [StoredEvent]) -> Statement<'q> {
    query
        .bind(column(events, |event| event.account.0))
        .bind(column(events, |event| event.key_hash.as_ref().map(|hash| hash.as_slice())))
        .bind(column(events, |event| bigint(event.sequence)))
        .bind(column(events, |event| event.event_type.as_str()))
        .bind(column(events, |event| event.event_version.as_str()))
        .bind(column(events, |event| event.payload.as_str()))
        .bind(column(events, |event| event.metadata.as_str()))
        .bind(column(events, |event| event.request_hash.as_ref().map(|hash| hash.as_slice())))
        .bind(column(events, |event| event.ref_sequence.map(bigint)))
        .bind(column(events, |event| event.note.as_deref()))
        .bind(column(events, |event| event.note_digest.as_ref().map(|hash| hash.as_slice())))
        .bind(column(events, |event| event.recorded_at))
        .bind(column(events, |event| event.hash.as_slice()))
}

fn bind_moves<'q>(query: Statement<'q>, moves: &'q [Move]) -> Statement<'q> {
    let base = |each: &'q Move| each.base.as_ref();
    let owner = |each: &Move| owner_columns(each.row.owner);
    let mut query = query
        .bind(column(moves, |each| each.account.0))
        .bind(column(moves, |each| each.row.owner.realm().0))
        .bind(column(moves, |each| owner(each).0))
        .bind(column(moves, |each| owner(each).1))
        .bind(column(moves, |each| String::from(each.currency)))
        .bind(column(moves, |each| base(each).map(|base| bigint(base.row.balance_version))))
        .bind(column(moves, |each| base(each).map(|base| bigint(base.decisions))))
        .bind(column(moves, |each| {
            base(each).and_then(|base| base.head.as_ref()).map(|head| head.as_slice())
        }))
        .bind(column(moves, |each| base(each).and_then(|base| base.row.last_charged_at)));
    for sum in &MONEY {
        query = query.bind(column(moves, |each| base(each).map(|base| (sum.of)(&base.row).decimal())));
    }
    for sum in &MONEY {
        query = query.bind(column(moves, |each| (sum.of)(&each.row).decimal()));
    }
    query
        .bind(column(moves, |each| each.row.last_charged_at))
        .bind(column(moves, |each| bigint(each.row.balance_version)))
        .bind(column(moves, |each| bigint(each.decisions)))
        .bind(column(moves, |each| each.head.as_slice()))
        .bind(column(moves, |each| each.at))
}

fn bind_refusals<'q>(query: Statement<'q>, refusals: &'q [Refusal]) -> Statement<'q> {
    let rejection =
        |refusal: &Refusal| serde_json::to_string(&refusal.rejection).expect("a rejection is plain JSON");
    query
        .bind(column(refusals, |refusal| refusal.account.0))
        .bind(column(refusals, |refusal| refusal.key_hash.as_slice()))
        .bind(column(refusals, |refusal| refusal.request_hash.as_slice()))
        .bind(column(refusals, rejection))
        .bind(column(refusals, |refusal| refusal.at))
}

fn column<'a, T, V>(rows: &'a [T], of: impl Fn(&'a T) -> V) -> Vec<V> {
    rows.iter().map(of).collect()
}
