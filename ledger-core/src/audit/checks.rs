//! The checks that are SQL: each answers no rows when all is well.

use sqlx::PgConnection;

use super::{
    ask::ask,
    verdict::{CheckName, Verdict},
};
use crate::{
    domain::{account::Rejection, ids::AccountId},
    error::LedgerError,
    journal::REFUSAL_DAYS,
};

/// How far the lane's time and the database's may be apart on one row. The lane takes the time before it decides, and the row
/// is stored after it: what lies between is a wait for locks, or a process that was stopped and went on.
const CLOCK_TOLERANCE_MINUTES: i32 = 5;
/// Rows of `refusals` that are held in memory at once.
const PAGE_ROWS: i64 = 1_000;

struct SqlCheck {
    name: CheckName,
    /// How many were checked.
    checked: &'static str,
    /// Rows of (account, sequence, what is wrong). `bounds` has the constants that it compares with.
    wrong: &'static str,
}

const SQL_CHECKS: [SqlCheck; 8] = [
    SqlCheck {
        name: CheckName::SeenStands,
        checked: "select (select count(*) from snapshots) + (select count(*) from repairs)",
        // An entry that is gone without a trace in stream and row may have left one here.
        wrong: "
select s.account_id::text, s.sequence, format('it is gone, or another one: it stood there %s, when a %s was made',
    s.seen_at, s.name)
from (select account_id, sequence, head, taken_at as seen_at, 'snapshot' as name from snapshots
      union all
      select account_id, (after ->> 'balance_version')::bigint, (after ->> 'head')::bytea, repaired_at, 'repair'
      from repairs) s
left join events e on e.aggregate_id = s.account_id::text and e.sequence = s.sequence
where e.sequence is null or e.hash <> s.head",
    },
    SqlCheck {
        name: CheckName::AmountsPositive,
        checked: "select count(*) from events",
        wrong: "
select account_id::text, sequence, format('its movement %s is of %s %s', movement, amount, currency)
from postings where side = 'debit' and (amount > 0) is not true",
    },
    SqlCheck {
        name: CheckName::FloorHolds,
        checked: "select count(*) from account_balances",
        wrong: "
select account_id::text, balance_version,
       format('%s is left behind it, and %s may be owed', balance - frozen_balance, credit_limit + forced_debt)
from account_balances where balance - frozen_balance < -(credit_limit + forced_debt)",
    },
    SqlCheck {
        name: CheckName::RealmsAgree,
        checked: "select count(*) from events",
        wrong: "
select e.aggregate_id, e.sequence, format('it is in realm %s and its account in %s', e.realm_id, b.realm_id)
from events e join account_balances b on b.account_id::text = e.aggregate_id where e.realm_id <> b.realm_id
union all
select account_id::text, null, format('it is in realm %s, which is not its owner', realm_id)
from account_balances where realm_id is distinct from coalesce(owner_user_id, owner_tenant_id)
union all
select x.account_id::text, null, case
    when b.account_id is null then format('a row of %s is kept of it, and there is no such account', x.name)
    else format('a row of %s is in realm %s and the account in %s', x.name, x.realm_id, b.realm_id) end
from (select account_id, realm_id, 'refusals' as name from refusals
      union all select account_id, realm_id, 'repairs' from repairs
      union all select account_id, realm_id, 'quarantine' from quarantine
      union all select account_id, realm_id, 'releases' from releases
      union all select account_id, realm_id, 'acknowledgements' from acknowledgements where realm_id is not null) x
left join account_balances b using (account_id) where x.realm_id is distinct from b.realm_id",
    },
    SqlCheck {
        name: CheckName::RefusalsConsistent,
        checked: "select count(*) from refusals",
        // A refusal that had been forgotten when its key acted does not contradict it.
        wrong: "
select r.account_id::text, e.sequence, format('its key was refused at %s as well', r.refused_at)
from bounds, refusals r join events e on e.aggregate_id = r.account_id::text and e.key_hash = r.key_hash
where r.refused_at > e.recorded_at - bounds.refusal
union all
select account_id::text, null, format('a refusal binds its key until 30 days after %s, which has not come', refused_at)
from bounds, refusals where refused_at > now() + bounds.clock",
    },
    SqlCheck {
        name: CheckName::KeysUnique,
        checked: "select count(*) from events where key_hash is not null",
        wrong: "
select aggregate_id, max(sequence), format('its key stands on %s entries', count(*))
from events where key_hash is not null group by aggregate_id, key_hash having count(*) > 1
union all
select aggregate_id, sequence, 'it has a key without a request, or a request without a key'
from events where (key_hash is null) <> (request_hash is null)",
    },
    SqlCheck {
        name: CheckName::TimesAgree,
        checked: "select count(*) from events",
        wrong: "
select aggregate_id, sequence, format('it was recorded at %s and stored at %s', recorded_at, stored_at)
from bounds, events
where recorded_at not between stored_at - bounds.clock and stored_at + bounds.clock",
    },
    SqlCheck {
        name: CheckName::QuarantineEmpty,
        checked: "select count(*) from quarantine",
        // The reason is what a process saw, and nothing else may show it by now.
        wrong: "
select account_id::text, null, format('it is out of service since %s: %s', since, reason) from quarantine",
    },
];

/// Runs all of them.
pub(super) async fn check(connection: &mut PgConnection, verdict: &mut Verdict) -> Result<(), LedgerError> {
    for SqlCheck { name, wrong, checked } in SQL_CHECKS {
        let checked: i64 = sqlx::query_scalar(checked).fetch_one(&mut *connection).await?;
        verdict.count(name, checked.unsigned_abs());
        let wrong = format!(
            "with bounds as (select make_interval(days => $1) as refusal, make_interval(mins => $2) as clock)
             select account, sequence, text from ({wrong}) w (account, sequence, text) order by account, sequence"
        );
        let query = sqlx::query_as(&wrong).bind(REFUSAL_DAYS as i32).bind(CLOCK_TOLERANCE_MINUTES);
        let asked = ask(connection, query, |(account, sequence, text): (String, Option<i64>, String)| {
            let sequence = sequence.and_then(|sequence| u64::try_from(sequence).ok());
            verdict.find(name, account.parse().ok(), sequence, text);
        });
        if let Err(reason) = asked.await? {
            verdict.find(name, None, None, format!("it cannot be checked that {}: {reason}", name.title()));
        }
    }
    check_rejections(connection, verdict).await
}

/// Every stored refusal can be read, and is of a kind that is a key's outcome.
async fn check_rejections(connection: &mut PgConnection, verdict: &mut Verdict) -> Result<(), LedgerError> {
    const PAGE: &str = "
        select account_id, key_hash, rejection::text from refusals
        where (account_id, key_hash) > ($1, $2) order by account_id, key_hash limit $3";
    let mut after = (AccountId::default(), Vec::new());
    loop {
        let page = sqlx::query_as(PAGE).bind(after.0.0).bind(&after.1).bind(PAGE_ROWS);
        let rows: Vec<(uuid::Uuid, Vec<u8>, String)> = page.fetch_all(&mut *connection).await?;
        for (account, _, rejection) in &rows {
            let fault = match serde_json::from_str::<Rejection>(rejection) {
                Ok(rejection) if rejection.is_outcome() => continue,
                Ok(rejection) => format!("a refusal is kept that binds no key: {rejection}"),
                Err(error) => format!("a refusal cannot be read: {error}"),
            };
            verdict.find(CheckName::RefusalsConsistent, Some(AccountId(*account)), None, fault);
        }
        match rows.into_iter().last() {
            Some((account, key, _)) => after = (AccountId(account), key),
            None => return Ok(()),
        }
    }
}
