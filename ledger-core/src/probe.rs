//! Whether the ledger can write, found out by writing.

use std::time::Duration;

use uuid::Uuid;

use crate::{
    domain::{
        account::{Charge, Command},
        ids::AccountId,
        money::{Amount, Currency},
    },
    error::LedgerError,
    journal::tx::{Begin, in_task},
    ledger::Ledger,
    round::request::{Intent, Request},
};

/// Whoever asks hears an answer, also when the database gives none.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// A row in and out again, in one commit: rights, disk and log are all needed for it, and nothing is left behind.
const INSERT: &str =
    "insert into quarantine (account_id, reason) values (gen_random_uuid(), 'probe') returning account_id";
const DELETE: &str = "delete from quarantine where account_id = $1";

impl Ledger {
    /// Shows that every lane answers and that the database commits what the lanes' role writes. Leaves nothing.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] or [`LedgerError::Busy`] when the next command would fare no better.
    pub async fn probe(&self) -> Result<(), LedgerError> {
        let probed = tokio::time::timeout(PROBE_TIMEOUT, self.write_and_remove());
        probed.await.unwrap_or(Err(LedgerError::Unavailable(None)))
    }

    async fn write_and_remove(&self) -> Result<(), LedgerError> {
        for account in self.first_of_each_lane() {
            match self.enqueue(idle_request(account)).await {
                Ok(_) | Err(LedgerError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        in_task(self.writer(), Begin::Plain, |connection| {
            Box::pin(async move {
                let account: Uuid = sqlx::query_scalar(INSERT).fetch_one(&mut *connection).await?;
                sqlx::query(DELETE).bind(account).execute(connection).await?;
                Ok::<_, LedgerError>(())
            })
        })
        .await
    }
}

/// A dry run on an account that no owner has: the lane looks for it, and finds nothing.
fn idle_request(account: AccountId) -> Request {
    let one: Amount = "1".parse().expect("one is an amount");
    let currency: Currency = "XXX".parse().expect("the name of no currency");
    let charge = Charge { amount: one, currency, effective_at: None, reference: None };
    Request {
        account,
        realm: None,
        key: None,
        intent: Intent::Decide(Command::Charge(charge)),
        metadata: "{}".into(),
        note: None,
        if_version: None,
        dry_run: true,
    }
}
