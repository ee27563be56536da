//! A walk through the journal and the balance rows side by side, account by account, in constant memory.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Selection,
    cursor::Cursor,
    found::{Found, Step},
};
use crate::{
    auditor::{Progress, Watch},
    domain::ids::AccountId,
    journal::{columns, stream::STORED_EVENT},
};

/// The connection must be in a snapshot, or hold the lock of the account, or the two sides are of different moments.
pub(crate) struct Walk<'c> {
    connection: &'c mut PgConnection,
    watch: Option<&'c Watch>,
    n_entries: u64,
    entries: Cursor,
    rows: Cursor,
    current: Option<Found>,
}

impl<'c> Walk<'c> {
    /// Through all accounts that are selected, from the first entry on, telling after every page how far it has come.
    pub(crate) async fn start(
        connection: &'c mut PgConnection,
        selection: &Selection,
        watch: &'c Watch,
    ) -> sqlx::Result<Self> {
        let walk = Self::over(connection, &selection.of_events(), &selection.of_rows()).await?;
        Ok(Self { watch: Some(watch), ..walk })
    }

    /// Through one account to its end; `None` when there is neither an entry nor a row.
    pub(super) async fn through(
        connection: &mut PgConnection,
        account: AccountId,
    ) -> sqlx::Result<Option<Found>> {
        Walk::over_one(connection, account, 0).await?.finish().await
    }

    /// From where an account was found to be to its end, with the row as it is by now.
    pub(super) async fn onward(connection: &mut PgConnection, found: Found) -> sqlx::Result<Found> {
        let mut walk = Walk::over_one(connection, found.id, found.version()).await?;
        walk.read().await?;
        let row = walk.rows.take(&found.text);
        let mut found = found.with_row(row.as_ref());
        if found.version() > 0 {
            let last = walk.entries.take(&found.text);
            found.recognize(last.as_ref());
        }
        walk.current = Some(found);
        Ok(walk.finish().await?.expect("an account that was found has an end"))
    }

    /// From this entry of one account on.
    async fn over_one(
        connection: &mut PgConnection,
        account: AccountId,
        from: u64,
    ) -> sqlx::Result<Walk<'_>> {
        let entries = format!("where e.aggregate_id = '{account}' and e.sequence >= {from}");
        Walk::over(connection, &entries, &format!("where account_id = '{account}'")).await
    }

    async fn finish(mut self) -> sqlx::Result<Option<Found>> {
        loop {
            match self.next().await? {
                None => return Ok(None),
                Some(Step::Account(found)) => return Ok(Some(found)),
                Some(Step::Entry(..) | Step::Break(..)) => {}
            }
        }
    }

    async fn over(connection: &'c mut PgConnection, entries: &str, rows: &str) -> sqlx::Result<Self> {
        // Both sides are in one order, because an id's text sorts as its bytes do.
        let entries =
            format!("select {STORED_EVENT} from events e {entries} order by e.aggregate_id, e.sequence");
        let rows = format!(
            "select account_id::text as id, {} from account_balances {rows} order by account_balances.account_id",
            columns::all()
        );
        let entries = Cursor::declare(connection, "entries", &entries).await?;
        let rows = Cursor::declare(connection, "balance_rows", &rows).await?;
        Ok(Self { connection, watch: None, n_entries: 0, entries, rows, current: None })
    }

    /// The next step, `None` at the end.
    pub(crate) async fn next(&mut self) -> sqlx::Result<Option<Step>> {
        loop {
            self.read().await?;
            let Some(found) = &mut self.current else {
                let ids = [self.entries.next_id(), self.rows.next_id()];
                let Some(id) = ids.into_iter().flatten().min().map(str::to_owned) else { return Ok(None) };
                let row = self.rows.take(&id);
                self.current = Some(Found::new(id, row.as_ref()));
                continue;
            };
            match self.entries.take(&found.text) {
                None => return Ok(self.current.take().map(Step::Account)),
                Some(row) => {
                    if let Some(step) = found.follow(&row) {
                        return Ok(Some(step));
                    }
                }
            }
        }
    }

    async fn read(&mut self) -> sqlx::Result<()> {
        self.rows.read(self.connection).await?;
        let n_read = self.entries.read(self.connection).await?;
        if let (Some(watch), Some(id), true) = (self.watch, self.entries.next_id(), n_read > 0) {
            self.n_entries += n_read as u64;
            let leading = id.parse().map_or(0, |id: Uuid| id.as_u128() >> 96);
            watch(Progress { fraction: leading as f64 / f64::from(u32::MAX), entries: self.n_entries });
        }
        Ok(())
    }
}
