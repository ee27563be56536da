//! The journal as an event store: what an unmodified `CqrsFramework` decides goes through the lane.

use std::{collections::HashMap, error::Error as StdError};

use cqrs_es::{AggregateContext, AggregateError, EventEnvelope, EventStore};

use super::HandleError;
use crate::{
    caller::Caller,
    domain::{
        account::{Account, Event},
        ids::AccountId,
    },
    error::LedgerError,
    journal::{
        read_stream,
        stream::{STORED_EVENT, StoredEvent, Stream},
        tx::in_realm,
    },
    ledger::Ledger,
    round::request::{Intent, Request},
};

type StoreError = AggregateError<HandleError>;

/// An event store for `CqrsFramework`. It commits whole or not at all, and reports a stale base as a conflict.
pub struct AccountStore {
    ledger: Ledger,
    caller: Caller,
}

/// An account as it was loaded: what a commit builds on.
pub struct AccountContext {
    id: AccountId,
    base_version: u64,
    account: Account,
}

impl Ledger {
    /// This ledger as an event store, on behalf of a caller.
    #[must_use]
    pub fn event_store(&self, caller: &Caller) -> AccountStore {
        AccountStore { ledger: self.clone(), caller: caller.clone() }
    }

    async fn stream(&self, caller: &Caller, id: AccountId) -> Result<Stream, StoreError> {
        let realm = match self.realm_for(caller, id).await {
            Ok(realm) => realm,
            Err(LedgerError::NotFound) => return Ok(Stream::new(id)),
            Err(error) => return Err(lost(error)),
        };
        let read = in_realm(self.app(), realm, move |connection| Box::pin(read_stream(connection, id)));
        read.await.map_err(lost)?.map_err(|broken| AggregateError::DeserializationError(Box::new(broken)))
    }
}

impl EventStore<Account> for AccountStore {
    type AC = AccountContext;

    async fn load_events(&self, aggregate_id: &str) -> Result<Vec<EventEnvelope<Account>>, StoreError> {
        let id = parse(aggregate_id)?;
        let realm = match self.ledger.realm_for(&self.caller, id).await {
            Ok(realm) => realm,
            Err(LedgerError::NotFound) => return Ok(Vec::new()),
            Err(error) => return Err(lost(error)),
        };
        let rows = in_realm(self.ledger.app(), realm, move |connection| {
            Box::pin(async move {
                let select = format!(
                    "select {STORED_EVENT} from events e where e.aggregate_id = $1 order by e.sequence"
                );
                sqlx::query_as::<_, StoredEvent>(&select).bind(id.to_string()).fetch_all(connection).await
            })
        });
        let rows = rows.await.map_err(lost)?;
        let mut stream = Stream::new(id);
        let envelope = |stored: &StoredEvent| {
            let broken = |error| AggregateError::DeserializationError(error);
            let payload = stream.follow(stored).map_err(|error| broken(Box::new(error)))?;
            let metadata = serde_json::from_str(&stored.metadata).map_err(|error| broken(Box::new(error)))?;
            Ok(EventEnvelope {
                aggregate_id: id.to_string(),
                sequence: stored.sequence as usize,
                payload,
                metadata,
            })
        };
        rows.iter().map(envelope).collect()
    }

    async fn load_aggregate(&self, aggregate_id: &str) -> Result<AccountContext, StoreError> {
        let id = parse(aggregate_id)?;
        let Stream { account, .. } = self.ledger.stream(&self.caller, id).await?;
        Ok(AccountContext { id, base_version: account.version, account })
    }

    async fn commit(
        &self,
        events: Vec<Event>,
        context: AccountContext,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<Account>>, StoreError> {
        let AccountContext { id, base_version, .. } = context;
        if events.is_empty() {
            return Ok(Vec::new());
        }
        // Nobody opens an account in another realm than their own, as in `Ledger::open`.
        let is_foreign = |event: &Event| match (event, self.caller.realm) {
            (Event::Opened(opened), Some(realm)) => opened.owner.realm() != realm,
            _ => false,
        };
        if events.iter().any(is_foreign) {
            return Err(lost(LedgerError::NotFound));
        }
        let request = Request {
            account: id,
            realm: self.caller.realm,
            intent: Intent::Store { base_version, events: events.clone() },
            key: None,
            metadata: self.caller.metadata(None, metadata.clone().into_iter().collect()),
            note: None,
            if_version: None,
            dry_run: false,
        };
        match self.ledger.enqueue(request).await {
            Ok(_) => {}
            Err(LedgerError::Stale) => return Err(AggregateError::AggregateConflict),
            Err(LedgerError::Inadmissible(refused)) => {
                return Err(AggregateError::UnexpectedError(Box::new(refused)));
            }
            Err(error) => return Err(lost(error)),
        }
        let envelope = |(sequence, payload)| EventEnvelope {
            aggregate_id: id.to_string(),
            sequence,
            payload,
            metadata: metadata.clone(),
        };
        Ok((base_version as usize + 1..).zip(events).map(envelope).collect())
    }
}

impl AggregateContext<Account> for AccountContext {
    fn aggregate(&mut self) -> &mut Account {
        &mut self.account
    }
}

fn parse(aggregate_id: &str) -> Result<AccountId, StoreError> {
    aggregate_id
        .parse()
        .map_err(|error| AggregateError::UnexpectedError(Box::new(error) as Box<dyn StdError + Send + Sync>))
}

fn lost(error: LedgerError) -> StoreError {
    AggregateError::DatabaseConnectionError(Box::new(error))
}
