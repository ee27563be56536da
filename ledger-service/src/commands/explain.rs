//! One clear sentence for whatever went wrong, with the remedy where there is one.

use ledger_core::LedgerError;
use sqlx::{Error, error::DatabaseError};

/// The sentence.
pub(crate) fn explain(error: &anyhow::Error) -> String {
    match error.chain().find_map(|cause| cause.downcast_ref::<Error>()) {
        Some(Error::Database(cause)) => remedy(cause.as_ref()),
        Some(Error::PoolTimedOut) => {
            "no PostgreSQL answers at DATABASE_URL: is it running, and is the address right?".into()
        }
        Some(Error::Io(cause)) => format!("no PostgreSQL answers at DATABASE_URL: {cause}"),
        Some(cause) => cause.to_string(),
        None => match error.downcast_ref() {
            Some(LedgerError::Unsafe(reason)) => reason.clone(),
            Some(_) | None => format!("{error:#}"),
        },
    }
}

fn remedy(error: &dyn DatabaseError) -> String {
    let message = error.message();
    let code = error.code().unwrap_or_default();
    let remedy = match code.as_ref() {
        // No such table, view, function, schema; no such role to be.
        "42P01" | "42703" | "42883" | "3F000" | "22023" => {
            "the database has no ledger, or an older one: run `ledger migrate` as its owner"
        }
        "28P01" => "check the password in DATABASE_URL; `alter role ledger_service password '...'` sets it",
        "28000" => "check the user in DATABASE_URL; `ledger migrate` makes ledger_service",
        "3D000" => "make it with `createdb`, then run `ledger migrate` as its owner",
        "42501" => {
            "log in as ledger_service; to migrate or to make an operator, as the owner of the database"
        }
        "55P03" => "something holds the lock of the account; try again",
        _ => return message.to_owned(),
    };
    format!("{message}; {remedy}")
}
