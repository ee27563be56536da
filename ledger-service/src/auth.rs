//! Who calls: from the headers to an actor, and from the actor to what it may do.

mod permission;

use std::marker::PhantomData;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use ledger_core::{AccountId, Caller, Currency, Label};
use uuid::Uuid;

pub(crate) use self::permission::{Admin, Auditor, Cashier, Charger, Holder, Permission, Reader};
use crate::{
    error::{ApiError, Code},
    extract::RequestId,
    secret::{KeyKind, Secret},
    state::Shared,
    store::{OperatorRole, Store, VirtualKey},
};

const VIRTUAL_KEY: &str = "x-virtualkey";

/// Whoever calls, known by its credential.
#[derive(Clone, Debug)]
pub(crate) enum Credential {
    /// Somebody of the platform.
    Operator { id: Uuid, role: OperatorRole },
    /// A gateway; with a virtual key it acts for that key's payer and nobody else.
    Gateway { id: Uuid, on_behalf_of: Option<VirtualKey> },
    /// A virtual key alone.
    VirtualKey(VirtualKey),
}

/// A credential that may do what `P` names: a handler that asks for one runs for nobody else.
pub(crate) struct By<P> {
    credential: Credential,
    /// The caller as the ledger knows it.
    pub(crate) caller: Caller,
    permission: PhantomData<P>,
}

impl<P: Permission + Send> FromRequestParts<Shared> for By<P> {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, ApiError> {
        let credential = identify(&parts.headers, shared.store()).await?;
        if !P::allows(&credential) {
            return Err(ApiError::new(Code::Forbidden, "this credential may not do that"));
        }
        let RequestId(request_id) = RequestId::from_request_parts(parts, shared).await?;
        let caller = credential.caller().in_request(request_id);
        Ok(Self { credential, caller, permission: PhantomData })
    }
}

impl<P> By<P> {
    /// Who did it, in words that may be kept for ever.
    pub(crate) fn actor(&self) -> Label {
        self.credential.actor()
    }
}

impl By<Holder> {
    /// The virtual key that this is done with.
    pub(crate) fn virtual_key(&self) -> Result<&VirtualKey, ApiError> {
        self.credential.virtual_key().ok_or_else(|| ApiError::internal("a holder without a virtual key"))
    }

    /// The account that pays for the key in this currency.
    pub(crate) fn payer(&self, currency: Currency) -> Result<AccountId, ApiError> {
        Ok(AccountId::of(self.virtual_key()?.payer(), currency))
    }
}

impl Credential {
    pub(crate) fn virtual_key(&self) -> Option<&VirtualKey> {
        match self {
            Self::VirtualKey(key) => Some(key),
            Self::Gateway { on_behalf_of, .. } => on_behalf_of.as_ref(),
            Self::Operator { .. } => None,
        }
    }

    /// Whoever acts for one payer sees that payer's realm and no other. A gateway uses the platform's idempotency keys all the
    /// same, so that a customer who charges with the virtual key alone cannot take them.
    fn caller(&self) -> Caller {
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

    fn actor(&self) -> Label {
        let text = match self {
            Self::Operator { id, .. } => format!("operator:{id}"),
            Self::Gateway { id, on_behalf_of: None } => format!("gateway:{id}"),
            Self::Gateway { id, on_behalf_of: Some(key) } => format!("gateway:{id} key:{}", key.id),
            Self::VirtualKey(key) => format!("key:{}", key.id),
        };
        text.parse().expect("ids are printable and short")
    }
}

// The tokens of users will come in here: a bearer that is no key of ours is a JWT.
async fn identify(headers: &HeaderMap, store: &Store) -> Result<Credential, ApiError> {
    let bearer = bearer(headers)?;
    let named = named_key(headers)?;
    match (bearer, named) {
        (None, Some(key)) => find_virtual_key(store, &key).await.map(Credential::VirtualKey),
        (Some(key), named) => match key.kind() {
            KeyKind::Operator => {
                let (id, role) = store.find_operator(key.digest()).await?.ok_or_else(unknown)?;
                Ok(Credential::Operator { id, role })
            }
            KeyKind::Gateway => {
                let id = store.find_gateway(key.digest()).await?.ok_or_else(unknown)?;
                let on_behalf_of = match named {
                    Some(named) => Some(find_virtual_key(store, &named).await?),
                    None => None,
                };
                Ok(Credential::Gateway { id, on_behalf_of })
            }
            // Two keys that differ leave open who pays.
            KeyKind::Virtual if named.is_some_and(|named| named != key) => Err(unknown()),
            KeyKind::Virtual => find_virtual_key(store, &key).await.map(Credential::VirtualKey),
        },
        (None, None) => Err(unknown()),
    }
}

async fn find_virtual_key(store: &Store, key: &Secret) -> Result<VirtualKey, ApiError> {
    store.find_virtual_key(key.digest()).await?.ok_or_else(unknown)
}

fn bearer(headers: &HeaderMap) -> Result<Option<Secret>, ApiError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let text = value.to_str().map_err(|_| unknown())?;
    let (scheme, key) = text.split_once(' ').ok_or_else(unknown)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(unknown());
    }
    key.trim().parse().map(Some).map_err(|_| unknown())
}

fn named_key(headers: &HeaderMap) -> Result<Option<Secret>, ApiError> {
    let Some(value) = headers.get(VIRTUAL_KEY) else { return Ok(None) };
    let key: Option<Secret> = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    key.filter(|key| key.kind() == KeyKind::Virtual).map(Some).ok_or_else(unknown)
}

/// Malformed, unknown and revoked alike: a guess learns nothing.
fn unknown() -> ApiError {
    let detail = "send a valid key as Authorization: Bearer …, or a virtual key as x-virtualkey";
    ApiError::new(Code::Unauthenticated, detail)
}
