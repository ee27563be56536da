//! Accounts as the journal and their balance rows show them: read for a lane, and proved on the way.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::TryStreamExt;
use sqlx::{FromRow, PgConnection, Row};
use uuid::Uuid;

use super::{
    columns::{self, StoredRow, uuids},
    loaded::{Loaded, RowFound},
    snapshot::Snapshot,
    stream::{BrokenStream, STORED_EVENT, StoredEvent, Stream, bigint},
};
use crate::domain::{
    ids::{AccountId, RealmId},
    projection::BalanceRow,
};

/// Events of one page, over all accounts that are read together.
const PAGE_EVENTS: usize = 4_096;
/// An account with a longer way to go than this is read alone, so that nobody waits for it.
pub(crate) const TAIL_EVENTS_MAX: u64 = 8_192;

/// What became of reading one account.
#[derive(Debug)]
pub(crate) enum Found {
    /// Stream and row agree. An account that nobody has opened is one of version 0.
    Loaded(Box<Loaded>),
    /// Out of service. Its realm is known, so that to a stranger it is absent like any other.
    Quarantined(RealmId),
    /// There is more to read than the others should wait for.
    Long,
    /// Stream and row do not agree. Read at different moments they need not; behind a lock they must.
    Differs(Box<Disagreement>),
    /// This program cannot read it, such as an event of a newer release. Others may.
    Unreadable(Option<RealmId>, String),
}

/// A stream and a row that do not agree, and in what.
#[derive(Debug)]
pub(crate) struct Disagreement {
    /// The stream as far as it holds.
    pub(crate) loaded: Loaded,
    pub(crate) row: Option<StoredRow>,
    pub(crate) broken: BrokenStream,
    /// Only sums differ: the stream holds, and says what the row should be.
    pub(crate) is_row_at_fault: bool,
}

const ROWS: &str = "
from unnest($1::uuid[]) as w (id) join account_balances on account_id = w.id
left join lateral (select true as quarantined from quarantine q where q.account_id = w.id) q on true";

const LOCK: &str = "select account_id from account_balances where account_id = any ($1) order by account_id for no key update";
const LOCK_FREE: &str =
    "select account_id from account_balances where account_id = any ($1) for no key update skip locked";

/// Locks the rows in id order and says which there are. What they hold must be read in a later statement: a wait inside one
/// keeps the old snapshot.
pub(crate) async fn lock_rows(
    connection: &mut PgConnection,
    accounts: &[AccountId],
) -> sqlx::Result<BTreeSet<AccountId>> {
    let locked: Vec<Uuid> = sqlx::query_scalar(LOCK).bind(uuids(accounts)).fetch_all(connection).await?;
    Ok(locked.into_iter().map(AccountId).collect())
}

/// The accounts whose rows nobody else has locked.
pub(crate) async fn unlocked_rows(
    connection: &mut PgConnection,
    accounts: &[AccountId],
) -> sqlx::Result<BTreeSet<AccountId>> {
    let free: Vec<Uuid> = sqlx::query_scalar(LOCK_FREE).bind(uuids(accounts)).fetch_all(connection).await?;
    Ok(free.into_iter().map(AccountId).collect())
}

/// The balance rows of these accounts, each decoded alone: one that cannot be read is its own account's affair.
pub(crate) async fn fetch_rows(
    connection: &mut PgConnection,
    accounts: &[AccountId],
) -> sqlx::Result<HashMap<AccountId, RowFound>> {
    let select = format!("select {}, coalesce(quarantined, false) as quarantined {ROWS}", columns::all());
    let rows = sqlx::query(&select).bind(uuids(accounts)).fetch_all(connection).await?;
    let found = |row: &sqlx::postgres::PgRow| {
        let found = RowFound {
            row: StoredRow::from_row(row).map_err(|error| error.to_string()),
            realm: row.try_get("realm_id").ok().map(RealmId),
            is_quarantined: row.try_get("quarantined")?,
        };
        Ok((AccountId(row.try_get("account_id")?), found))
    };
    rows.iter().map(found).collect()
}

/// Reads these accounts, each from the state given beside it or else from its snapshot or its first event.
///
/// `tail_max` is how many events of one account may be read.
pub(crate) async fn load(
    connection: &mut PgConnection,
    known: BTreeMap<AccountId, Option<Loaded>>,
    tail_max: u64,
) -> sqlx::Result<BTreeMap<AccountId, Found>> {
    let ids: Vec<AccountId> = known.keys().copied().collect();
    let rows = fetch_rows(connection, &ids).await?;
    let mut found = BTreeMap::new();
    let (mut following, mut cold) = (BTreeMap::new(), Vec::new());
    for (id, loaded) in known {
        match rows.get(&id) {
            Some(row) if row.is_quarantined => {
                let realm = row.realm.unwrap_or(RealmId(Uuid::nil()));
                found.insert(id, Found::Quarantined(realm));
            }
            Some(RowFound { row: Err(reason), realm, .. }) => {
                found.insert(id, Found::Unreadable(*realm, format!("its balance row: {reason}")));
            }
            _ => {
                if loaded.is_none() {
                    cold.push(id);
                }
                following.insert(id, Following::from(loaded.unwrap_or_else(|| Loaded::absent(id))));
            }
        }
    }
    for (id, snapshot) in Snapshot::fetch(connection, &cold).await? {
        if let Some(following) = following.get_mut(&id) {
            following.resume(snapshot);
        }
    }
    while !following.is_empty() {
        following.retain(|id, each| {
            let last =
                rows.get(id).and_then(|row| row.row.as_ref().ok()).map_or(0, |row| row.row.balance_version);
            let is_long = last.saturating_sub(each.loaded.version()) > tail_max;
            if is_long {
                found.insert(*id, Found::Long);
            }
            !is_long
        });
        follow(connection, &mut following).await?;
        let mut misled = BTreeMap::new();
        for (id, each) in std::mem::take(&mut following) {
            let row = rows.get(&id).and_then(|row| row.row.as_ref().ok()).cloned();
            let (is_hinted, is_proof) = (each.loaded.is_hinted, !each.is_resumed || each.broken.is_some());
            let judged = each.judge(row);
            // Read on from a snapshot, nobody is at fault: it is read from its first event.
            if let Found::Differs(disagreement) = &judged
                && is_hinted
                && (is_proof || disagreement.is_row_at_fault)
            {
                tracing::warn!(account = %id, "a snapshot does not agree with the journal and is passed over");
                misled.insert(id, Following::from(Loaded::absent(id)));
            } else {
                found.insert(id, judged);
            }
        }
        following = misled;
    }
    Ok(found)
}

/// Reads one stream from its first event to its end, for whoever sees its realm.
pub(crate) async fn read_stream(
    connection: &mut PgConnection,
    account: AccountId,
) -> sqlx::Result<Result<Stream, BrokenStream>> {
    let mut following = BTreeMap::from([(account, Following::from(Loaded::absent(account)))]);
    follow(connection, &mut following).await?;
    let Some(Following { loaded, broken, unreadable, .. }) = following.remove(&account) else {
        return Ok(Ok(Stream::new(account)));
    };
    let sequence = loaded.version() + 1;
    let unreadable = unreadable.map(|reason| BrokenStream { account, sequence, reason });
    Ok(broken.or(unreadable).map_or(Ok(loaded.stream), Err))
}

/// An account while its events are read.
struct Following {
    loaded: Loaded,
    /// The snapshot that it was resumed from, until the event that it is of has been seen.
    unproved: Option<Snapshot>,
    is_resumed: bool,
    broken: Option<BrokenStream>,
    unreadable: Option<String>,
    is_at_end: bool,
}

impl From<Loaded> for Following {
    fn from(loaded: Loaded) -> Self {
        Self { loaded, unproved: None, is_resumed: false, broken: None, unreadable: None, is_at_end: false }
    }
}

impl Following {
    fn resume(&mut self, snapshot: Snapshot) {
        self.loaded.stream = snapshot.stream.clone();
        self.loaded.snapshot_version = snapshot.stream.account.version;
        (self.loaded.is_hinted, self.is_resumed) = (true, true);
        self.unproved = Some(snapshot);
    }

    /// The sequence behind which to read on. Where a snapshot is to be proved, the event that it is of comes once more.
    fn after(&self) -> u64 {
        self.loaded.version() - u64::from(self.unproved.is_some())
    }

    fn take(&mut self, stored: &sqlx::Result<StoredEvent>) {
        let stored = match stored {
            Ok(stored) => stored,
            Err(error) => {
                self.unreadable = Some(error.to_string());
                return;
            }
        };
        if let Some(snapshot) = self.unproved.take() {
            if !snapshot.is_of(stored) {
                self.broken = Some(self.no_good());
            }
            return;
        }
        let head = self.loaded.stream.head;
        if let Err(broken) = self.loaded.stream.follow(stored) {
            // Whole and not understood: it may be right for a newer release, so nobody else is told.
            if stored.link(&head).hash() == stored.hash && stored.event().is_err() {
                self.unreadable = Some(broken.to_string());
            } else {
                self.broken = Some(broken);
            }
        }
    }

    /// The event that the snapshot is of is another one, or none.
    fn no_good(&self) -> BrokenStream {
        let (account, sequence) = (self.loaded.id(), self.loaded.version());
        BrokenStream { account, sequence, reason: "the snapshot is of another event".into() }
    }

    fn is_done(&self) -> bool {
        self.is_at_end || self.broken.is_some() || self.unreadable.is_some()
    }

    /// What the stream and the row come to together.
    fn judge(mut self, row: Option<StoredRow>) -> Found {
        let holder = self.loaded.stream.account.holder;
        if let Some(reason) = self.unreadable {
            let realm = row.as_ref().map(|row| row.realm).or(holder.map(|holder| holder.owner.realm()));
            return Found::Unreadable(realm, reason);
        }
        let (account, version) = (self.loaded.id(), self.loaded.version());
        if let Some(row) = &row {
            (self.loaded.decisions, self.loaded.row_head) = (row.decisions, row.head);
        }
        let mut is_row_at_fault = false;
        let reason = match (&row, BalanceRow::of(&self.loaded.stream.account)) {
            _ if self.broken.is_some() => None,
            (None, None) => return Found::Loaded(Box::new(self.loaded)),
            (None, Some(_)) => Some("the balance row is missing".to_owned()),
            (Some(row), _) if row.row.balance_version != version => {
                Some(format!("the journal ends at {version}, its balance row at {}", row.row.balance_version))
            }
            (Some(row), _) if row.head.is_some_and(|head| head != self.loaded.stream.head) => {
                Some("the head on the balance row is not that of the journal".to_owned())
            }
            (Some(row), Some(projected)) => {
                let whose = |row: &StoredRow| (row.realm, row.row.owner, Some(row.currency));
                let holder = holder.map(|holder| (holder.owner.realm(), holder.owner, Some(holder.currency)));
                if holder == Some(whose(row)) && row.row == projected {
                    self.loaded.is_hinted = false;
                    return Found::Loaded(Box::new(self.loaded));
                }
                is_row_at_fault = holder == Some(whose(row));
                Some("the balance row is not what the journal comes to".to_owned())
            }
            (Some(_), None) => Some("there is a balance row and no journal".to_owned()),
        };
        let broken = self.broken.unwrap_or_else(|| BrokenStream {
            account,
            sequence: version + 1,
            reason: reason.unwrap_or_default(),
        });
        Found::Differs(Box::new(Disagreement { loaded: self.loaded, row, broken, is_row_at_fault }))
    }
}

/// Reads the streams on to the end of the journal, a page at a time.
async fn follow(
    connection: &mut PgConnection,
    following: &mut BTreeMap<AccountId, Following>,
) -> sqlx::Result<()> {
    let select = format!(
        "select {STORED_EVENT} from unnest($1::text[], $2::bigint[]) as w (id, after)
         cross join lateral (
             select * from events e where e.aggregate_id = w.id and e.sequence > w.after order by e.sequence limit $3
         ) e"
    );
    loop {
        let open: Vec<(AccountId, u64)> = following
            .iter()
            .filter(|(_, each)| !each.is_done())
            .map(|(id, each)| (*id, each.after()))
            .collect();
        if open.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = open.iter().map(|(id, _)| id.to_string()).collect();
        let after: Vec<i64> = open.iter().map(|(_, after)| bigint(*after)).collect();
        let share = (PAGE_EVENTS / open.len()).max(16);
        let mut read: HashMap<AccountId, usize> = HashMap::new();
        let mut rows = sqlx::query(&select).bind(ids).bind(after).bind(share as i64).fetch(&mut *connection);
        while let Some(row) = rows.try_next().await? {
            let id: &str = row.try_get("aggregate_id")?;
            let id: AccountId = id.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
            let Some(account) = following.get_mut(&id) else { continue };
            *read.entry(id).or_default() += 1;
            if !account.is_done() {
                account.take(&StoredEvent::from_row(&row));
            }
        }
        for (id, _) in open {
            let account = following.get_mut(&id).expect("it was asked for");
            if account.unproved.take().is_some() {
                account.broken = Some(account.no_good());
            }
            account.is_at_end = read.get(&id).is_none_or(|read| *read < share);
        }
    }
}
