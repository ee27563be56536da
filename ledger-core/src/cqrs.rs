//! The door for cqrs-es: an unmodified `CqrsFramework` and its test tools drive the same pure decision.

mod store;

use async_trait::async_trait;
use cqrs_es::{Aggregate, event_sink::EventSink};

pub use self::store::{AccountContext, AccountStore};
use crate::{
    caller::Caller,
    domain::{
        account::{Account, Command, Event, Facts, Instruction, Rejection},
        ids::AccountId,
    },
    error::LedgerError,
    journal::{fetch_facts, tx::in_realm},
    ledger::Ledger,
};

/// Why `handle` has decided nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandleError {
    /// The rules of the ledger refuse it.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// What the decision has to know could not be read: the words of the database. Try again.
    #[error("the facts could not be read: {0}")]
    FactsUnavailable(String),
}

/// Where `handle` gets its facts; the lanes read theirs for a whole batch at once.
#[async_trait]
pub trait FetchFacts: Send + Sync {
    /// The facts that this command needs on this account.
    async fn fetch(&self, account: AccountId, command: &Command) -> Result<Facts, HandleError>;
}

/// Facts that are known beforehand, for tests and simulations.
#[async_trait]
impl FetchFacts for Facts {
    async fn fetch(&self, _: AccountId, _: &Command) -> Result<Facts, HandleError> {
        Ok(self.clone())
    }
}

/// The facts of a ledger, as the `Services` of the stock framework.
pub struct JournalFacts {
    ledger: Ledger,
    caller: Caller,
}

impl Ledger {
    /// The `Services` that go with [`Ledger::event_store`].
    #[must_use]
    pub fn facts(&self, caller: &Caller) -> Box<dyn FetchFacts> {
        Box::new(JournalFacts { ledger: self.clone(), caller: caller.clone() })
    }
}

#[async_trait]
impl FetchFacts for JournalFacts {
    async fn fetch(&self, account: AccountId, command: &Command) -> Result<Facts, HandleError> {
        let Some(question) = command.asks() else { return Ok(Facts::default()) };
        // Of an account that is absent, or another realm's, nothing is known. `decide` finds the refusal for that.
        let realm = match self.ledger.realm_for(&self.caller, account).await {
            Ok(realm) => realm,
            Err(LedgerError::NotFound) => return Ok(Facts::default()),
            Err(error) => return Err(unavailable(error)),
        };
        let facts = in_realm(self.ledger.app(), realm, move |connection| {
            Box::pin(async move { fetch_facts(connection, &[(account, question)]).await })
        });
        match facts.await.map_err(unavailable)?.remove(&account) {
            None => Ok(Facts::default()),
            Some(proved) => proved.map_err(|broken| HandleError::FactsUnavailable(broken.to_string())),
        }
    }
}

fn unavailable(error: LedgerError) -> HandleError {
    HandleError::FactsUnavailable(error.to_string())
}

impl Aggregate for Account {
    const TYPE: &'static str = "account";
    type Command = Instruction;
    type Event = Event;
    type Error = HandleError;
    type Services = Box<dyn FetchFacts>;

    async fn handle(
        &mut self,
        instruction: Instruction,
        services: &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), HandleError> {
        // Of an account that is not open nothing is known, and nothing needs to be.
        let facts = match self.id() {
            Some(account) => services.fetch(account, &instruction.command).await?,
            None => Facts::default(),
        };
        for event in self.decide(&instruction, &facts)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Event) {
        self.fold(&event).expect("the journal holds only events that fold");
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use cqrs_es::test::TestFramework;
    use uuid::Uuid;

    use super::*;
    use crate::domain::{
        account::{Charge, Open},
        ids::Owner,
    };

    fn open() -> Instruction {
        let (owner, currency) = (Owner::Tenant(Uuid::from_u128(7)), "USD".parse().unwrap());
        let command = Command::Open(Open { owner, currency, credit_limit: "5".parse().unwrap() });
        Instruction { at: DateTime::UNIX_EPOCH, command }
    }

    fn charge(sum: &str) -> Instruction {
        let (amount, currency) = (sum.parse().unwrap(), "USD".parse().unwrap());
        let command = Command::Charge(Charge { amount, currency, effective_at: None, reference: None });
        Instruction { at: DateTime::UNIX_EPOCH, command }
    }

    #[test]
    fn the_stock_test_framework_drives_the_account() {
        let framework = || TestFramework::<Account>::with(Box::new(Facts::default()));
        let mut account = Account::default();
        let opened = account.decide(&open(), &Facts::default()).unwrap();
        account.fold(&opened[0]).unwrap();
        let charged = account.decide(&charge("5"), &Facts::default()).unwrap();

        framework().given_no_previous_events().when(open()).then_expect_events(opened.clone());
        framework().given(opened.clone()).when(charge("5")).then_expect_events(charged);
        framework().given(opened).when(open()).then_expect_error(Rejection::AlreadyOpen.into());
        framework().given_no_previous_events().when(charge("1")).then_expect_error(Rejection::NotOpen.into());
    }
}
