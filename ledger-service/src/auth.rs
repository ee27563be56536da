//! Who calls: from the headers to a credential, and from there to its scope and to what it may do.

mod mover;

use std::marker::PhantomData;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use ledger_core::{AccountId, Caller, Currency, Label};
use uuid::Uuid;

pub(crate) use self::mover::Mover;
pub(crate) use crate::rules::access::{Admin, AnyOperator, Cashier, Charger, Holder, Reader};
use crate::{
    error::{ApiError, Code},
    extract::{RequestId, Slot},
    rules::access::{Credential, Permission, VirtualKey},
    secret::{KeyKind, Proof, Secret},
    state::Shared,
    store::{Noun, Scope, Store},
};

const VIRTUAL_KEY: &str = "x-virtualkey";

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
        let (by, is_revoked) = Self::identify(parts, shared).await?;
        if is_revoked { Err(unknown()) } else { Ok(by) }
    }
}

impl<P: Permission> By<P> {
    async fn identify(parts: &mut Parts, shared: &Shared) -> Result<(Self, bool), ApiError> {
        let (credential, is_revoked) = identify(&parts.headers, shared.store()).await?;
        if !P::allows(&credential) {
            return Err(if is_revoked { unknown() } else { ApiError::forbidden() });
        }
        let slot =
            parts.extensions.get::<Slot>().ok_or_else(|| ApiError::internal("a request without a slot"))?;
        slot.take(shared, credential.id())?;
        let RequestId(request_id) = RequestId::from_request_parts(parts, shared).await?;
        let caller = credential.caller().in_request(request_id);
        Ok((Self { credential, caller, permission: PhantomData }, is_revoked))
    }

    /// Who did it, in words that may be kept for ever.
    pub(crate) fn actor(&self) -> Label {
        self.credential.actor()
    }

    /// Whether they may do something else too.
    pub(crate) fn may<Q: Permission>(&self) -> bool {
        Q::allows(&self.credential)
    }

    /// What of the store is there for them.
    pub(crate) fn scope(&self) -> Scope {
        self.credential.realm().map_or(Scope::Platform, Scope::Realm)
    }

    /// What the id names, if it is there for them and they may do this to it.
    pub(crate) async fn find<N: Noun>(&self, store: &Store, id: Uuid) -> Result<N, ApiError> {
        let found = store.find::<N>(self.scope(), id).await?;
        if P::allows_on(&self.credential, &found) { Ok(found) } else { Err(ApiError::not_found()) }
    }
}

impl By<Admin> {
    /// What shows the database that an admin calls.
    pub(crate) fn proof(&self) -> Result<Proof, ApiError> {
        match self.credential {
            Credential::Operator { proof, .. } => Ok(proof),
            Credential::Gateway { .. } | Credential::VirtualKey(_) => {
                Err(ApiError::internal("an admin who is no operator"))
            }
        }
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

// The tokens of users will come in here: a bearer that is no key of ours is a JWT.
/// And whether it, or the virtual key beside it, was revoked.
async fn identify(headers: &HeaderMap, store: &Store) -> Result<(Credential, bool), ApiError> {
    let bearer = bearer(headers)?;
    let named = named_key(headers)?;
    match (bearer, named) {
        (None, Some(key)) => virtual_key(store, &key).await,
        (Some(key), named) => match key.kind() {
            KeyKind::Operator => {
                let held = store.find_operator(key.digest()).await?.ok_or_else(unknown)?;
                let ((id, role), proof) = (held.holder, key.proof());
                Ok((Credential::Operator { id, role, proof }, held.is_revoked))
            }
            KeyKind::Gateway => {
                let gateway = store.find_gateway(key.digest()).await?.ok_or_else(unknown)?;
                let Some(named) = named else {
                    let alone = Credential::Gateway { id: gateway.holder, on_behalf_of: None };
                    return Ok((alone, gateway.is_revoked));
                };
                let key = store.find_virtual_key(named.digest()).await?.ok_or_else(unknown)?;
                let credential = Credential::Gateway { id: gateway.holder, on_behalf_of: Some(key.holder) };
                Ok((credential, gateway.is_revoked || key.is_revoked))
            }
            // Two keys that differ leave open who pays.
            KeyKind::Virtual if named.is_some_and(|named| named != key) => Err(unknown()),
            KeyKind::Virtual => virtual_key(store, &key).await,
        },
        (None, None) => Err(unknown()),
    }
}

async fn virtual_key(store: &Store, key: &Secret) -> Result<(Credential, bool), ApiError> {
    let held = store.find_virtual_key(key.digest()).await?.ok_or_else(unknown)?;
    Ok((Credential::VirtualKey(held.holder), held.is_revoked))
}

fn bearer(headers: &HeaderMap) -> Result<Option<Secret>, ApiError> {
    let Some(text) = single(headers, header::AUTHORIZATION.as_str())? else { return Ok(None) };
    let (scheme, key) = text.split_once(' ').ok_or_else(unknown)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(unknown());
    }
    key.trim().parse().map(Some).map_err(|_| unknown())
}

fn named_key(headers: &HeaderMap) -> Result<Option<Secret>, ApiError> {
    let Some(text) = single(headers, VIRTUAL_KEY)? else { return Ok(None) };
    let key: Option<Secret> = text.trim().parse().ok();
    key.filter(|key| key.kind() == KeyKind::Virtual).map(Some).ok_or_else(unknown)
}

/// The one value of a header. Two credentials, like two keys, leave open who calls.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, ApiError> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else { return Ok(None) };
    let only = if values.next().is_none() { first.to_str().ok() } else { None };
    only.map(Some).ok_or_else(unknown)
}

/// Malformed, unknown and revoked alike: a guess learns nothing.
fn unknown() -> ApiError {
    let detail = "send a valid key as Authorization: Bearer …, or a virtual key as x-virtualkey";
    ApiError::new(Code::Unauthenticated, detail)
}
