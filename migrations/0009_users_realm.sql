-- The members of a tenant.
create index users_realm on users (realm_id, created_at, user_id);
