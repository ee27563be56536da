//! The ledger as a service: axum over `ledger-core`.
//!
//! A request goes `router` → `auth` → `routes` → `store` or `ledger-core`. Routes know no SQL, the store no HTTP, and the rules
//! neither.

pub mod app;
mod auth;
pub mod config;
mod error;
mod extract;
pub mod jobs;
pub mod postgres;
mod router;
mod routes;
mod rules;
pub mod secret;
mod server;
mod shares;
mod state;
mod store;
pub mod telemetry;
mod wire;
