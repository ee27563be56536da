//! Who may do what: the whole table, a row a permission.

use super::Credential;
use crate::store::OperatorRole;

/// Something that only some credentials may do.
pub(crate) trait Permission {
    fn allows(credential: &Credential) -> bool;
}

macro_rules! permissions {
    ($($(#[doc = $doc:literal])+ $name:ident = $allowed:pat,)+) => {$(
        $(#[doc = $doc])+
        pub(crate) struct $name;
        impl Permission for $name {
            fn allows(credential: &Credential) -> bool {
                matches!(credential, $allowed)
            }
        }
    )+};
}

use Credential::{Gateway, Operator, VirtualKey};
use OperatorRole::{Admin as A, Cashier as C};

permissions! {
    /// Tenants, users, keys, operators and gateways.
    Admin = Operator { role: A, .. },
    /// Accounts, and money in and out of them.
    Cashier = Operator { role: A | C, .. },
    /// Charging any customer, and giving a charge back. A virtual key alone never gives back.
    Charger = Operator { role: A | C, .. } | Gateway { .. },
    /// Accounts and what happened on them.
    Reader = Operator { .. } | Gateway { .. },
    /// Who there is: for operators alone.
    Auditor = Operator { .. },
    /// What a virtual key may do: charge its payer, and see what is left.
    Holder = VirtualKey(_) | Gateway { on_behalf_of: Some(_), .. },
}
