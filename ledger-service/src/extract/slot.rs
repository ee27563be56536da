//! A request's place among those at work. It is shared by credential, and not held while a body is still coming: whoever sends
//! slowly keeps nobody waiting but themselves.

use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use crate::{
    error::{ApiError, Code},
    shares::Share,
    state::Shared,
};

/// Empty until it is known who calls, and given back when the request is answered.
#[derive(Clone, Default)]
pub(crate) struct Slot(Arc<Mutex<Option<Share<Uuid>>>>);

impl Slot {
    /// Takes a place for this credential.
    pub(crate) fn take(&self, shared: &Shared, credential: Uuid) -> Result<(), ApiError> {
        let mut share = shared.requests().of(credential);
        if !share.take(1) {
            return Err(ApiError::new(Code::TryAgain, "too many requests are at work"));
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(share);
        Ok(())
    }

    /// Gives the place back, and says whose it was.
    pub(crate) fn give_back(&self) -> Option<Uuid> {
        let share = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        share.map(|share| *share.who())
    }
}
