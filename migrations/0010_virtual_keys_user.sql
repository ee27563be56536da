-- The keys of a user; in front stands what row security asks for.
create index virtual_keys_user on virtual_keys (realm_id, user_id, created_at, key_id);
