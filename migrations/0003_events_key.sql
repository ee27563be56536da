-- One key, one outcome, for ever. Indexes stand alone in their file: on a cluster they cannot share one.
create unique index events_key on events (aggregate_id, key_hash);
