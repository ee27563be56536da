//! A key has exactly one outcome: a receipt or a refusal, and the same one for every retry.

use crate::{
    domain::{
        account::{Event, Rejection},
        chain::ShortHash,
        entry::{Balances, Timestamp},
        ids::{AccountId, EntryId},
        money::{Currency, Money},
    },
    error::LedgerError,
    journal::stream::StoredEvent,
};

/// What a command did. A replayed one is rebuilt from the event, and equal but for `replayed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The entry's id, which carries its address.
    pub id: EntryId,
    /// The account moved.
    pub account: AccountId,
    /// What the account counts in.
    pub currency: Currency,
    /// What happened, with its movements and the balances after it.
    pub event: Event,
    /// When it was recorded, in database time.
    pub recorded_at: Timestamp,
    /// Whether an earlier call with the same key did it.
    pub replayed: bool,
}

impl Receipt {
    pub(crate) fn new(
        account: AccountId,
        currency: Currency,
        sequence: u64,
        event: Event,
        recorded_at: Timestamp,
    ) -> Self {
        Self { id: EntryId::new(account, sequence), account, currency, event, recorded_at, replayed: false }
    }

    /// The receipt that a stored event stands for.
    pub(crate) fn of(stored: &StoredEvent) -> sqlx::Result<Self> {
        let decode = |error| sqlx::Error::Decode(Box::new(error));
        let currency = stored.currency.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        let event = stored.event().map_err(decode)?;
        Ok(Self::new(stored.account, currency, stored.sequence, event, stored.recorded_at))
    }

    /// The balances after it.
    #[must_use]
    pub fn after(&self) -> &Balances {
        &self.event.entry().after
    }

    /// The balance before it, to be shown beside that after it.
    #[must_use]
    pub fn balance_before(&self) -> Money {
        self.event.entry().balance_before()
    }

    /// The account's version after it.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.id.sequence()
    }
}

/// The outcome of a key, and the request that it stood for.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) request_hash: ShortHash,
    pub(crate) result: Result<Receipt, Rejection>,
    /// Refusals are forgotten after 30 days; receipts never.
    pub(crate) at: Timestamp,
}

impl Outcome {
    /// The answer to a later call with the same key.
    pub(crate) fn answer(&self, request_hash: ShortHash) -> Result<Receipt, LedgerError> {
        if self.request_hash != request_hash {
            let entry = self.result.as_ref().ok().map(|receipt| receipt.id);
            return Err(LedgerError::KeyReused { entry });
        }
        match &self.result {
            Ok(receipt) => Ok(Receipt { replayed: true, ..receipt.clone() }),
            Err(rejection) => Err(LedgerError::Rejected { rejection: rejection.clone(), replayed: true }),
        }
    }

    /// Whether it still binds.
    pub(crate) fn holds(&self, forgotten_before: Timestamp) -> bool {
        self.result.is_ok() || self.at > forgotten_before
    }
}
