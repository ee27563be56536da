-- One key, one outcome, for ever. In front stands the hash of the key: keys of one account then fall on pages all over the
-- index, where those that begin with the account crowd on one. The account is part of it, so no two realms share a key.
create unique index events_key_hash on events (key_hash, aggregate_id);
