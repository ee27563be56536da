//! Ids that carry their address: from an entry's id follow its account and its place in the stream, without an index.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

use crate::domain::money::Currency;

/// Namespace of account ids. It is part of every id ever made: it can never change.
const ACCOUNT_NAMESPACE: Uuid = Uuid::from_u128(0x6c65_6467_6572_5000_8000_6163_636f_756e);
/// Entry ids keep 48 bits for the sequence: 2.8 × 10¹⁴ entries an account.
const SEQUENCE_BITS: u32 = 48;

/// Who owns an account. In JSON `{"user_id": …}` or `{"tenant_id": …}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Owner {
    /// A person.
    #[serde(rename = "user_id")]
    User(Uuid),
    /// A company that people are members of.
    #[serde(rename = "tenant_id")]
    Tenant(Uuid),
}

impl Owner {
    /// The realm is the owner's own id for ever; membership never changes it.
    #[must_use]
    pub fn realm(self) -> RealmId {
        let (Self::User(id) | Self::Tenant(id)) = self;
        RealmId(id)
    }
}

/// Its kind and its id. Account ids are made from this text, so it can never change.
impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{id}"),
            Self::Tenant(id) => write!(f, "tenant:{id}"),
        }
    }
}

/// What one caller may see: everything of one owner, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RealmId(pub Uuid);

/// One account, one stream: UUID v5 of (owner kind, owner id, currency), so a second one of the same owner cannot exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(pub Uuid);

impl AccountId {
    /// The id of this owner's account in this currency, whether it is open or not.
    #[must_use]
    pub fn of(owner: Owner, currency: Currency) -> Self {
        Self(Uuid::new_v5(&ACCOUNT_NAMESPACE, format!("{owner}:{currency}").as_bytes()))
    }
}

/// One entry: its account's id with version 8 and the sequence in the last 48 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntryId(pub Uuid);

impl EntryId {
    /// The last place in a stream that an id can name.
    pub const SEQUENCE_MAX: u64 = (1 << SEQUENCE_BITS) - 1;

    /// The id of the entry that stands at `sequence` (counted from 1) in the account's stream.
    #[must_use]
    pub fn new(account: AccountId, sequence: u64) -> Self {
        assert!((1..=Self::SEQUENCE_MAX).contains(&sequence), "sequence {sequence} does not fit an entry id");
        Self(with_tail(account.0, sequence, 8))
    }

    /// Its place in the account's stream. 0 for an id that no ledger has made.
    #[must_use]
    pub fn sequence(self) -> u64 {
        (self.0.as_u128() & u128::from(u64::MAX >> (64 - SEQUENCE_BITS))) as u64
    }

    /// The least and the greatest account id that this entry can belong to: 74 random bits are shared, so there is one.
    #[must_use]
    pub fn account_range(self) -> (AccountId, AccountId) {
        let tail = |bits| AccountId(with_tail(self.0, bits, 5));
        (tail(0), tail((1 << SEQUENCE_BITS) - 1))
    }
}

/// `id` with its last 48 bits and its version replaced.
fn with_tail(id: Uuid, tail: u64, version: u8) -> Uuid {
    let mut bytes = *id.as_bytes();
    bytes[10..].copy_from_slice(&tail.to_be_bytes()[2..]);
    let mut id = Builder::from_bytes(bytes).into_uuid().as_u128();
    id &= !(0xf << 76);
    id |= u128::from(version) << 76;
    Uuid::from_u128(id)
}

macro_rules! as_uuid {
    ($($id:ident),*) => {$(
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl FromStr for $id {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }
    )*};
}
as_uuid!(RealmId, AccountId, EntryId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_id_carries_its_address() {
        let owner = Owner::Tenant(Uuid::from_u128(7));
        let account = AccountId::of(owner, "USD".parse().unwrap());
        assert_eq!(account.to_string(), "1422c3da-b22e-5f96-b081-2e28b58e6a9c", "ids are for ever");
        let entry = EntryId::new(account, 42);
        assert_eq!(entry.to_string(), "1422c3da-b22e-8f96-b081-00000000002a");
        assert_eq!(entry.sequence(), 42);
        assert_eq!(entry.0.get_version_num(), 8);
        let (least, greatest) = entry.account_range();
        assert!(least <= account && account <= greatest);
    }

    #[test]
    fn a_user_and_a_tenant_of_one_id_own_different_accounts() {
        let (id, usd) = (Uuid::from_u128(7), "USD".parse().unwrap());
        assert_ne!(AccountId::of(Owner::User(id), usd), AccountId::of(Owner::Tenant(id), usd));
    }
}
