//! Erasing a note: the one change that history knows.

use crate::{
    caller::Caller,
    domain::ids::EntryId,
    error::LedgerError,
    journal::{stream::bigint, tx::in_realm},
    ledger::Ledger,
};

impl Ledger {
    /// Erases an entry's note for ever. The entry, its amounts and the chain stay as they are.
    ///
    /// # Errors
    /// [`LedgerError::NotFound`] for no such entry, and for one of another realm.
    pub async fn erase_note(&self, caller: &Caller, entry: EntryId) -> Result<(), LedgerError> {
        let (realm, account) = self.place_of(caller, entry).await?;
        let erased = in_realm(self.eraser(), realm, move |connection| {
            Box::pin(
                sqlx::query("update events set note = null where aggregate_id = $1 and sequence = $2")
                    .bind(account.to_string())
                    .bind(bigint(entry.sequence()))
                    .execute(connection),
            )
        });
        let erased = erased.await?;
        if erased.rows_affected() == 1 { Ok(()) } else { Err(LedgerError::NotFound) }
    }
}
