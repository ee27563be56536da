//! In what a balance row is not what the journal says, in words.

use std::fmt;

use serde::Serialize;

use crate::{
    domain::{
        chain::Hash,
        ids::{AccountId, Owner, RealmId},
        money::Currency,
        projection::BalanceRow,
    },
    journal::{
        columns::{MONEY, StoredRow},
        stream::BrokenStream,
    },
};

/// In what way a balance row is not what the journal says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Difference {
    /// The journal itself does not hold, so the row cannot be rebuilt.
    Broken {
        /// Whose stream it is.
        account: AccountId,
        /// The first entry that is wrong.
        sequence: u64,
        /// What is wrong there.
        reason: String,
    },
    /// The row knows of entries that the journal does not have. Only a person can say whether entries were lost.
    Ahead {
        /// Whose row it is.
        account: AccountId,
        /// The last sequence in the journal.
        journal: u64,
        /// The last sequence that the row has taken in.
        row: u64,
    },
    /// There are entries and no row.
    Missing {
        /// Whose row it would be.
        account: AccountId,
    },
    /// What stands in the row cannot be.
    Unreadable {
        /// Whose row it is.
        account: AccountId,
        /// Why it cannot be.
        reason: String,
    },
    /// These columns differ.
    Differs {
        /// Whose row it is.
        account: AccountId,
        /// At least one.
        columns: Vec<Column>,
    },
}

/// A column of a balance row that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its name in `account_balances`.
    pub name: &'static str,
    /// What stands there.
    pub stored: String,
    /// What follows from the journal.
    pub rebuilt: String,
}

impl Difference {
    pub(super) fn between(
        stored: &StoredRow,
        rebuilt: &BalanceRow,
        currency: Currency,
        head: Hash,
    ) -> Option<Self> {
        let StoredRow { row, realm, .. } = stored;
        let rebuilt = texts(rebuilt, rebuilt.owner.realm(), currency, Some(head));
        let columns = texts(row, *realm, stored.currency, stored.head).into_iter().zip(rebuilt);
        let differ = columns.filter(|(stored, rebuilt)| stored != rebuilt);
        let columns: Vec<_> =
            differ.map(|((name, stored), (_, rebuilt))| Column { name, stored, rebuilt }).collect();
        (!columns.is_empty()).then_some(Self::Differs { account: stored.account, columns })
    }

    /// Whose row it is.
    #[must_use]
    pub fn account(&self) -> AccountId {
        match self {
            Self::Broken { account, .. }
            | Self::Ahead { account, .. }
            | Self::Missing { account }
            | Self::Unreadable { account, .. }
            | Self::Differs { account, .. } => *account,
        }
    }

    /// Whether the journal alone says what the row should be, and nothing may have been lost.
    pub(crate) fn can_be_replayed(&self) -> bool {
        match self {
            Self::Missing { .. } | Self::Unreadable { .. } | Self::Differs { .. } => true,
            Self::Broken { .. } | Self::Ahead { .. } => false,
        }
    }

    /// Whether a row can be written at all.
    pub(super) fn can_be_repaired(&self) -> bool {
        match self {
            Self::Ahead { journal, .. } => *journal > 0,
            Self::Broken { .. } => false,
            Self::Missing { .. } | Self::Unreadable { .. } | Self::Differs { .. } => true,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken { reason, .. } => write!(f, "{reason}"),
            Self::Ahead { journal, row, .. } => {
                write!(f, "it is missing: the journal ends at {journal}, the balance row at {row}")
            }
            Self::Missing { .. } => write!(f, "the balance row is missing"),
            Self::Unreadable { reason, .. } => write!(f, "the balance row cannot be read: {reason}"),
            Self::Differs { columns, .. } => {
                let columns = columns.iter().map(|Column { name, stored, rebuilt }| {
                    format!("{name} is {stored} in the balance row and {rebuilt} by the journal")
                });
                write!(f, "{}", columns.collect::<Vec<_>>().join("; "))
            }
        }
    }
}

impl From<&BrokenStream> for Difference {
    fn from(broken: &BrokenStream) -> Self {
        let BrokenStream { account, sequence, reason } = broken.clone();
        Self::Broken { account, sequence, reason }
    }
}

/// The columns in words. `decisions` and `updated_at` do not follow from the journal, and a row that was last moved before rows
/// named their head has none.
fn texts(
    row: &BalanceRow,
    realm: RealmId,
    currency: Currency,
    head: Option<Hash>,
) -> Vec<(&'static str, String)> {
    let owner = match row.owner {
        Owner::User(id) => format!("user {id}"),
        Owner::Tenant(id) => format!("tenant {id}"),
    };
    let last_charged_at = row.last_charged_at.map_or_else(|| "never".to_owned(), |at| at.to_rfc3339());
    let mut texts =
        vec![("owner", owner), ("realm_id", realm.to_string()), ("currency", currency.to_string())];
    texts.extend(MONEY.iter().map(|column| (column.name, (column.of)(row).to_string())));
    texts.push(("last_charged_at", last_charged_at));
    texts.push(("balance_version", row.balance_version.to_string()));
    texts.extend(head.map(|head| ("head", head.iter().map(|byte| format!("{byte:02x}")).collect())));
    texts
}
