//! Companies, people and virtual keys: each row in one realm.

mod keys;
mod tenants;
mod users;

pub(crate) use self::{
    keys::{Key, KeyChange},
    tenants::{NewTenant, Tenant, TenantChange, TenantStatus},
    users::{NewUser, User, UserChange},
};
