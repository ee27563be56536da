//! Work in the background, beside the requests.

pub mod audit;
