//! Whether the ledger can write, found out by writing.

use sqlx::Connection;

use crate::{
    domain::{
        account::{Charge, Command},
        ids::AccountId,
        money::{Amount, Currency},
    },
    error::LedgerError,
    lane::{Intent, Request},
    ledger::Ledger,
};

/// A row in and out again, in one commit: rights, disk and log are all needed for it, and nothing is left behind.
const COME: &str =
    "insert into quarantine (account_id, reason) values (gen_random_uuid(), 'probe') returning account_id";
const GO: &str = "delete from quarantine where account_id = $1";

impl Ledger {
    /// Shows that every lane answers and that the database commits what the lanes' role writes. Leaves nothing.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] or [`LedgerError::Busy`] when the next command would fare no better.
    pub async fn probe(&self) -> Result<(), LedgerError> {
        for account in self.first_of_each_lane() {
            match self.enqueue(idle_request(account)).await {
                Ok(_) | Err(LedgerError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        let pool = self.writer().clone();
        // In a task of its own: whoever stops waiting drops the waiting, never the `begin()`.
        let written = tokio::spawn(async move {
            let mut connection = pool.acquire().await?;
            let mut tx = connection.begin().await?;
            let account: sqlx::types::Uuid = sqlx::query_scalar(COME).fetch_one(&mut *tx).await?;
            sqlx::query(GO).bind(account).execute(&mut *tx).await?;
            tx.commit().await
        });
        written.await.map_err(|_| LedgerError::Unavailable(None))?.map_err(LedgerError::from)
    }
}

/// A dry run on an account that no owner has: the lane looks for it, and finds nothing.
fn idle_request(account: AccountId) -> Request {
    let one: Amount = "1".parse().expect("one is an amount");
    let currency: Currency = "XXX".parse().expect("the name of no currency");
    let charge = Charge { amount: one, currency, effective_at: None };
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
