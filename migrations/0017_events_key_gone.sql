-- events_key_hash has taken its place.
drop index events_key;
