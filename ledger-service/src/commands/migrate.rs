//! `ledger migrate`.

use anyhow::bail;
use ledger_core::LedgerError;
use serde_json::json;

use super::Session;

const NEXT: &str = "\
The tables are up to date.

Once, as a superuser, give the service's login a password:
    alter role ledger_service password '...';
From then on everything but `ledger migrate` logs in as it:
    DATABASE_URL=postgres://ledger_service:...@HOST/DATABASE ledger audit";

pub(super) async fn run(session: &Session<'_>) -> anyhow::Result<bool> {
    let migrated = ledger_core::migrate(session.database.owner_url()).await;
    if let Err(LedgerError::Unsafe(reason)) = &migrated
        && reason.contains("permission denied")
    {
        bail!(
            "{reason}; migrate as a superuser, or as the owner of the database with the right to create roles"
        );
    }
    migrated?;
    if session.json {
        Session::print_json(&json!({ "migrated": true }))?;
    } else {
        println!("{}", if session.database.is_private() { "The tables are up to date." } else { NEXT });
    }
    Ok(true)
}
