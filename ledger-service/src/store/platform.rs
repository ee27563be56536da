//! Operators and gateways, which belong to no realm.

mod gateways;
mod operators;

pub(crate) use self::{gateways::Gateway, operators::Operator};
