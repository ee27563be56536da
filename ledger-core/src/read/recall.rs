//! What became of a key, for a caller who may do nothing new any more.

use crate::{
    caller::Call,
    chores::identify,
    domain::{account::Command, ids::AccountId},
    error::LedgerError,
    journal::{
        fetch_outcomes, forgotten_before,
        tx::{Begin, in_task},
    },
    ledger::Ledger,
    outcome::Receipt,
    round::answer,
};

impl Ledger {
    /// The outcome that the call's key has on this account; `None` if it has none. Nothing happens.
    ///
    /// For callers whose credential was revoked, or whose tenant was suspended, after they sent a command and before they heard
    /// its answer: they may still learn what became of it, and nothing else.
    ///
    /// # Errors
    /// Whatever the outcome is if it is no receipt; [`LedgerError::NotFound`] for no such account, and for one of another realm.
    pub async fn recall(
        &self,
        call: &Call<'_>,
        account: AccountId,
        command: &Command,
    ) -> Result<Option<Receipt>, LedgerError> {
        let realm = self.find_realm(account).await?;
        if realm.is_none() || call.caller.realm.is_some_and(|own| realm != Some(own)) {
            return Err(LedgerError::NotFound);
        }
        let Some(key) = call.key(command) else { return Ok(None) };
        let (_, now) = identify(self.writer()).await?;
        let found = in_task(self.writer(), Begin::Plain, move |connection| {
            Box::pin(async move {
                let keys = [(account, key.hash)];
                Ok::<_, LedgerError>(fetch_outcomes(connection, &keys, forgotten_before(now)).await?)
            })
        });
        found.await?.pop().map(|(_, found)| answer(&found, &key)).transpose()
    }
}
