//! Rows of a query a page at a time: however many there are, few of them are in memory.
//!
//! A cursor of the database and not a query a page, because it is planned and run once. Asked anew for what lies behind the
//! last row, the planner may take another index and sort all entries of an account for each page of them.

use std::collections::VecDeque;

use sqlx::{Executor, PgConnection, Row, postgres::PgRow};

/// Rows held in memory at once.
const PAGE_ROWS: usize = 1_000;

/// A cursor of the transaction at hand, with the page that was read last.
pub(super) struct Cursor {
    name: &'static str,
    /// Each row behind the id that it begins with, as text.
    page: VecDeque<(String, PgRow)>,
    end: bool,
}

impl Cursor {
    /// Opens a cursor for the transaction. The name must be new in it, and the query's first column an id as text.
    pub(super) async fn declare(
        connection: &mut PgConnection,
        name: &'static str,
        select: &str,
    ) -> sqlx::Result<Self> {
        connection.execute(format!("declare {name} no scroll cursor for {select}").as_str()).await?;
        Ok(Self { name, page: VecDeque::new(), end: false })
    }

    /// Reads the next page, once the last one is used up. Returns how many rows came.
    pub(super) async fn read(&mut self, connection: &mut PgConnection) -> sqlx::Result<usize> {
        if self.end || !self.page.is_empty() {
            return Ok(0);
        }
        let fetch = format!("fetch {PAGE_ROWS} from {}", self.name);
        for row in sqlx::query(&fetch).fetch_all(connection).await? {
            self.page.push_back((row.try_get(0)?, row));
        }
        self.end = self.page.len() < PAGE_ROWS;
        Ok(self.page.len())
    }

    /// The id of the next row.
    pub(super) fn next_id(&self) -> Option<&str> {
        self.page.front().map(|(id, _)| id.as_str())
    }

    /// The next row, if it has this id.
    pub(super) fn take(&mut self, id: &str) -> Option<PgRow> {
        self.page.pop_front_if(|(of, _)| of == id).map(|(_, row)| row)
    }
}
