//! Who there is: companies, people, and the keys that their programs carry.

pub(crate) mod keys;
pub(crate) mod tenants;
pub(crate) mod users;
