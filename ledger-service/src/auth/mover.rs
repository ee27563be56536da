//! Who moves money. Whatever forbids it by now, such as a key that was revoked or a tenant that was suspended, a retry still
//! learns what became of the call that it repeats.

use std::ops::Deref;

use axum::{extract::FromRequestParts, http::request::Parts};
use ledger_core::{AccountId, Call, Currency, EntryId, LedgerError};

use super::{By, unknown};
use crate::{error::ApiError, extract::Keyed, rules::access::Permission, state::Shared, store::StoreError};

/// No account ever comes to this version, so a call that is guarded by it can only be answered with its key's outcome.
const NEVER: u64 = u64::MAX;

/// Somebody who may move money, or might have when the call was made first.
pub(crate) struct Mover<P> {
    by: By<P>,
    /// Why nothing new may begin.
    bar: Option<ApiError>,
    /// Then they learn of their own outcomes, and nothing else.
    is_revoked: bool,
}

impl<P: Permission + Send> FromRequestParts<Shared> for Mover<P> {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, ApiError> {
        let (by, is_revoked) = By::identify(parts, shared).await?;
        Ok(Self { by, bar: is_revoked.then(unknown), is_revoked })
    }
}

impl<P> Deref for Mover<P> {
    type Target = By<P>;
    fn deref(&self) -> &By<P> {
        &self.by
    }
}

impl<P: Permission> Mover<P> {
    /// The same, with what was found out about whether something new may begin.
    pub(crate) fn begin(mut self, may: Result<(), StoreError>) -> Result<Self, ApiError> {
        match may {
            Err(StoreError::Unavailable(error)) => return Err(error.into()),
            Err(error) if self.bar.is_none() => self.bar = Some(error.into()),
            Err(_) | Ok(()) => {}
        }
        Ok(self)
    }

    /// What lies in another realm is absent, and takes as long: whoever sees one realm alone never comes as far as the lane that
    /// could tell the two apart. Their own account is known without asking.
    pub(crate) async fn expect_visible(
        &self,
        shared: &Shared,
        account: AccountId,
        currency: Currency,
    ) -> Result<(), ApiError> {
        match self.credential.virtual_key() {
            Some(key) if account != AccountId::of(key.payer(), currency) => {
                let seen = shared.ledger().balance(&self.caller, account).await;
                seen.map(drop).map_err(|error| self.refused(error))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The same for an entry.
    pub(crate) async fn expect_visible_entry(&self, shared: &Shared, entry: EntryId) -> Result<(), ApiError> {
        if self.credential.realm().is_none() {
            return Ok(());
        }
        let seen = shared.ledger().entry(&self.caller, entry).await;
        seen.map(drop).map_err(|error| self.refused(error))
    }

    /// The call under the key of the request.
    pub(crate) fn call(&self, keyed: &Keyed) -> Call<'_> {
        let call = keyed.call(&self.caller);
        if self.bar.is_some() { call.if_version(NEVER) } else { call }
    }

    /// Why the call did not succeed, for them.
    pub(crate) fn refused(&self, error: LedgerError) -> ApiError {
        match (&self.bar, &error) {
            (None, _)
            | (
                _,
                LedgerError::Rejected { replayed: true, .. }
                | LedgerError::Busy
                | LedgerError::Unavailable(_),
            ) => error.into(),
            (Some(bar), LedgerError::Stale) => bar.clone(),
            // Not even that there is such an account.
            (Some(bar), _) if self.is_revoked => bar.clone(),
            (Some(_), _) => error.into(),
        }
    }
}
