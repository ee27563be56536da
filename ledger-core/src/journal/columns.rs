//! The columns of a balance row, each once. Whoever reads, moves, mends or compares a row takes them from here.

use sqlx::{FromRow, Row, postgres::PgRow};
use uuid::Uuid;

use crate::{
    domain::{
        account::{Account, Holder},
        chain::Hash,
        entry::Timestamp,
        ids::{AccountId, Owner, RealmId},
        money::{Currency, Money},
        projection::BalanceRow,
    },
    journal::{decode, stream::natural},
};

/// A column that holds money: its name, and its place in a row.
pub(crate) struct MoneyColumn {
    pub(crate) name: &'static str,
    pub(crate) of: fn(&BalanceRow) -> Money,
    of_mut: fn(&mut BalanceRow) -> &mut Money,
}

macro_rules! money_columns {
    ($($name:ident),+) => {
        [$(MoneyColumn { name: stringify!($name), of: |row| row.$name, of_mut: |row| &mut row.$name }),+]
    };
}

/// Every sum of a balance row, in the order in which it is shown.
pub(crate) const MONEY: [MoneyColumn; 6] =
    money_columns![balance, frozen_balance, outstanding_amount, free_credit, credit_limit, forced_debt];

/// What says whose row it is. It is written when the account is opened, and by a repair.
pub(crate) const IDENTITY: [(&str, &str); 4] =
    [("realm_id", "uuid"), ("owner_user_id", "uuid"), ("owner_tenant_id", "uuid"), ("currency", "text")];

/// What moves with the account beside its sums.
pub(crate) const MARKS: [(&str, &str); 5] = [
    ("last_charged_at", "timestamptz"),
    ("balance_version", "bigint"),
    ("decisions", "bigint"),
    ("head", "bytea"),
    ("updated_at", "timestamptz"),
];

/// Every column that a move writes, with its type.
pub(crate) fn moving() -> impl Iterator<Item = (&'static str, &'static str)> {
    MONEY.iter().map(|column| (column.name, "numeric")).chain(MARKS)
}

/// Every column of a row, for a `select`.
pub(crate) fn all() -> String {
    let names = IDENTITY.into_iter().chain(moving()).map(|(name, _)| name);
    std::iter::once("account_id").chain(names).collect::<Vec<_>>().join(", ")
}

/// A balance row as it stands in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredRow {
    pub(crate) account: AccountId,
    pub(crate) realm: RealmId,
    pub(crate) currency: Currency,
    pub(crate) row: BalanceRow,
    pub(crate) decisions: u64,
    /// The hash of the account's last event; `None` on a row that was last moved before rows named it.
    pub(crate) head: Option<Hash>,
    pub(crate) updated_at: Timestamp,
}

/// The two columns of an owner.
pub(crate) fn owner_columns(owner: Owner) -> (Option<Uuid>, Option<Uuid>) {
    match owner {
        Owner::User(id) => (Some(id), None),
        Owner::Tenant(id) => (None, Some(id)),
    }
}

impl FromRow<'_, PgRow> for StoredRow {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let owner = match (row.try_get("owner_user_id")?, row.try_get("owner_tenant_id")?) {
            (Some(user), None) => Owner::User(user),
            (None, Some(tenant)) => Owner::Tenant(tenant),
            _ => return Err(sqlx::Error::Decode("an account has exactly one owner".into())),
        };
        let currency: String = row.try_get("currency")?;
        let currency = currency.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        let empty = Account { holder: Some(Holder { owner, currency }), ..Account::default() };
        let mut balances = BalanceRow::of(&empty).expect("an account with a holder has a row");
        for column in &MONEY {
            *(column.of_mut)(&mut balances) = decode::money(row, column.name)?;
        }
        balances.last_charged_at = decode::optional_time(row, "last_charged_at")?;
        balances.balance_version = natural(row.try_get("balance_version")?)?;
        Ok(Self {
            account: AccountId(row.try_get("account_id")?),
            realm: RealmId(row.try_get("realm_id")?),
            currency,
            row: balances,
            decisions: natural(row.try_get("decisions")?)?,
            head: row.try_get("head")?,
            updated_at: decode::time(row, "updated_at")?,
        })
    }
}

/// Accounts as a query takes them.
pub(super) fn uuids(accounts: &[AccountId]) -> Vec<Uuid> {
    accounts.iter().map(|account| account.0).collect()
}
