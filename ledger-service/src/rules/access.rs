//! Who may do what. The table at the end is all of it, a row a permission.

use ledger_core::{Caller, Label, Owner, RealmId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::secret::Proof;

/// Whoever calls, known by its credential.
#[derive(Clone, Debug)]
pub(crate) enum Credential {
    /// Somebody of the platform.
    Operator { id: Uuid, role: OperatorRole, proof: Proof },
    /// A gateway; with a virtual key it acts for that key's payer and nobody else.
    Gateway { id: Uuid, on_behalf_of: Option<VirtualKey> },
    /// A virtual key alone.
    VirtualKey(VirtualKey),
}

/// What an operator may do: everything, move money, or look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Role)]
pub enum OperatorRole {
    /// Everything of the platform.
    Admin,
    /// Accounts, and money in and out of them.
    Cashier,
    /// Looking.
    Auditor,
}

/// A virtual key in use, and who pays for it.
#[derive(Clone, Debug)]
pub(crate) struct VirtualKey {
    pub(crate) id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) tenant_id: Option<Uuid>,
    /// Whether nothing new may begin.
    pub(crate) is_suspended: bool,
}

/// Something that a permission is for.
pub(crate) trait Object {
    /// The realm that it lies in; what is the platform's lies in none.
    fn realm(&self) -> Option<RealmId>;
}

/// Something that only some credentials may do.
pub(crate) trait Permission {
    /// Whether they may do it to anything at all. Asked before anything is looked up, so that 403 says nothing about what
    /// there is.
    fn allows(who: &Credential) -> bool;

    /// Whether they may do it to this. The second road beside row security, which has not shown it to anybody else.
    fn allows_on(who: &Credential, object: &impl Object) -> bool {
        Self::allows(who) && who.realm().is_none_or(|realm| object.realm() == Some(realm))
    }
}

impl Credential {
    /// What is counted for this credential: a gateway that acts for many is one.
    pub(crate) fn id(&self) -> Uuid {
        match self {
            Self::Operator { id, .. }
            | Self::Gateway { id, .. }
            | Self::VirtualKey(VirtualKey { id, .. }) => *id,
        }
    }

    pub(crate) fn virtual_key(&self) -> Option<&VirtualKey> {
        match self {
            Self::VirtualKey(key) => Some(key),
            Self::Gateway { on_behalf_of, .. } => on_behalf_of.as_ref(),
            Self::Operator { .. } => None,
        }
    }

    /// The one realm that they see; the platform sees all.
    pub(crate) fn realm(&self) -> Option<RealmId> {
        self.virtual_key().map(VirtualKey::payer).map(Owner::realm)
    }

    /// The caller as the ledger knows it. A gateway uses the platform's idempotency keys, also when it acts for one payer, so
    /// that a customer who charges with the virtual key alone cannot take them.
    pub(crate) fn caller(&self) -> Caller {
        match self {
            Self::Operator { .. } | Self::Gateway { on_behalf_of: None, .. } => {
                Caller::platform(self.actor())
            }
            Self::Gateway { on_behalf_of: Some(key), .. } => {
                Caller::platform(self.actor()).within(key.payer().realm())
            }
            Self::VirtualKey(key) => Caller::of_realm(key.payer().realm(), key.user_id, self.actor()),
        }
    }

    /// Who did it, in words that may be kept for ever.
    pub(crate) fn actor(&self) -> Label {
        let text = match self {
            Self::Operator { id, .. } => format!("operator:{id}"),
            Self::Gateway { id, on_behalf_of: None } => format!("gateway:{id}"),
            Self::Gateway { id, on_behalf_of: Some(key) } => format!("gateway:{id} key:{}", key.id),
            Self::VirtualKey(key) => format!("key:{}", key.id),
        };
        text.parse().expect("ids are printable and short")
    }
}

impl VirtualKey {
    /// `payer(key) = key → user; user.tenant_id ? the tenant : the user`
    pub(crate) fn payer(&self) -> Owner {
        self.tenant_id.map_or(Owner::User(self.user_id), Owner::Tenant)
    }
}

impl OperatorRole {
    /// As it is stored.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Cashier => "cashier",
            Self::Auditor => "auditor",
        }
    }
}

impl TryFrom<String> for OperatorRole {
    type Error = String;
    fn try_from(name: String) -> Result<Self, String> {
        let found = [Self::Admin, Self::Cashier, Self::Auditor].into_iter().find(|role| role.name() == name);
        found.ok_or_else(|| format!("there is no role {name}"))
    }
}

macro_rules! permissions {
    ($($(#[doc = $doc:literal])+ $name:ident = $allowed:pat,)+) => {$(
        $(#[doc = $doc])+
        pub(crate) struct $name;
        impl Permission for $name {
            fn allows(who: &Credential) -> bool {
                matches!(who, $allowed)
            }
        }
    )+};
}

use Credential::{Gateway, Operator};
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
    AnyOperator = Operator { .. },
    /// What a virtual key may do: charge its payer, and see what is left.
    Holder = Credential::VirtualKey(_) | Gateway { on_behalf_of: Some(_), .. },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{KeyKind, Secret};

    struct In(Option<Uuid>);
    impl Object for In {
        fn realm(&self) -> Option<RealmId> {
            self.0.map(RealmId)
        }
    }

    #[test]
    fn who_acts_for_one_payer_reaches_nothing_of_another() {
        let (tenant, other, id) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
        let key = VirtualKey { id, user_id: id, tenant_id: Some(tenant), is_suspended: false };
        let gateway = Gateway { id, on_behalf_of: Some(key) };
        assert!(Reader::allows_on(&gateway, &In(Some(tenant))));
        assert!(!Reader::allows_on(&gateway, &In(Some(other))));
        assert!(!Reader::allows_on(&gateway, &In(None)), "what is the platform's is nobody else's");
        let proof = Secret::generate(KeyKind::Operator).proof();
        let admin = Operator { id, role: A, proof };
        assert!(Admin::allows_on(&admin, &In(Some(other))) && Admin::allows_on(&admin, &In(None)));
        assert!(!Admin::allows_on(&gateway, &In(Some(tenant))));
    }
}
