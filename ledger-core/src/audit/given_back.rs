//! What gives an entry back, against the entry: of the same account, of the right kind, and never more than it was.
//!
//! The journal is read in the order of originals, so that one of them and one sum are in memory, however many there are.

use sqlx::{PgConnection, Row, postgres::PgRow};

use super::{CheckName, Verdict, cursor::Cursor};
use crate::domain::{
    account::{ChargedBack, Event, Original, OriginalKind, TopUpRefunded},
    ids::{AccountId, EntryId},
    money::Money,
};

/// Beside each entry that gives back, the one that it names.
const GIVEN_BACK: &str = "
select e.aggregate_id, e.ref_sequence, e.sequence, e.payload::text as payload, o.payload::text as original
from events e
left join events o on o.aggregate_id = e.aggregate_id and o.sequence = e.ref_sequence
where e.ref_sequence is not null
order by e.aggregate_id, e.ref_sequence, e.sequence";

/// An original, and what was given back of it up to here.
#[derive(Default)]
struct Sum {
    of: Option<(AccountId, i64)>,
    returned: Money,
}

pub(super) async fn check(connection: &mut PgConnection, verdict: &mut Verdict) -> sqlx::Result<()> {
    let mut cursor = Cursor::declare(connection, "given_back", GIVEN_BACK).await?;
    let (mut checked, mut sum) = (0, Sum::default());
    loop {
        checked += cursor.read(connection).await? as u64;
        let Some(id) = cursor.next_id().map(str::to_owned) else { break };
        while let Some(row) = cursor.take(&id) {
            // What is no id was found by the walk.
            let Ok(account) = id.parse() else { continue };
            if let Some(fault) = sum.fault(account, &row)? {
                let sequence: i64 = row.try_get("sequence")?;
                let sequence = u64::try_from(sequence).ok();
                verdict.find(CheckName::GivenBackWithin, Some(account), sequence, fault);
            }
        }
    }
    verdict.count(CheckName::GivenBackWithin, checked);
    Ok(())
}

impl Sum {
    /// What is wrong with the entry. One that cannot be read was found by the walk.
    fn fault(&mut self, account: AccountId, row: &PgRow) -> sqlx::Result<Option<String>> {
        let read = |text: &str| serde_json::from_str::<Event>(text).ok();
        let (sequence, text): (i64, &str) = (row.try_get("ref_sequence")?, row.try_get("payload")?);
        let Some(event) = read(text) else { return Ok(None) };
        let named = event.refers_to().filter(|named| {
            let of_account = (1..=EntryId::SEQUENCE_MAX).contains(&named.sequence());
            of_account && *named == EntryId::new(account, named.sequence())
        });
        if named.is_none() {
            return Ok(Some("it gives back an entry of another account".into()));
        }
        let original = row.try_get::<Option<&str>, _>("original")?.and_then(read);
        let shape = original.as_ref().map(Event::shape);
        let Some(Original { kind, amount, .. }) = shape.and_then(|shape| shape.original) else {
            return Ok(Some(format!("it gives back entry {sequence}, which is none that can be given back")));
        };
        if !gives_back(&event, kind) {
            return Ok(Some(format!("it gives back entry {sequence}, which is of another kind")));
        }
        if self.of != Some((account, sequence)) {
            *self = Self { of: Some((account, sequence)), returned: Money::ZERO };
        }
        let returned = self.returned.checked_add(event.amount());
        self.returned = returned.unwrap_or(self.returned);
        Ok(returned.is_none_or(|returned| returned > amount.money()).then(|| {
            format!("with it {} is given back of entry {sequence}, which was of {amount}", self.returned)
        }))
    }
}

/// Whether an event of this kind gives back an entry of that kind.
fn gives_back(event: &Event, kind: OriginalKind) -> bool {
    match event {
        Event::Refunded(_) => kind == OriginalKind::Charge,
        Event::TopUpRefunded(TopUpRefunded { provider, .. })
        | Event::ChargedBack(ChargedBack { provider, .. }) => kind == OriginalKind::TopUp(*provider),
        Event::Opened(_) | Event::ToppedUp(_) | Event::Charged(_) => false,
    }
}
