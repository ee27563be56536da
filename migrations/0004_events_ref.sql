-- What followed up an entry: the refunds of a charge.
create index events_ref on events (aggregate_id, ref_sequence) where ref_sequence is not null;
