//! Who runs it all: operators and gateways, and how the service itself is.

pub(crate) mod gateways;
pub(crate) mod operations;
pub(crate) mod operators;
pub(crate) mod overview;
