-- Where an account's stream stood at an event, so that a cold account need not be read from its first one. A hint: it is
-- checked against the journal and against the balance row, and whatever does not agree is passed over.
create table snapshots (
    account_id  uuid primary key,
    realm_id    uuid        not null,
    sequence    bigint      not null check (sequence > 0),
    head        bytea       not null check (octet_length(head) = 32),
    state       json        not null,
    schema_hash bytea       not null check (octet_length(schema_hash) = 32),
    taken_at    timestamptz not null default clock_timestamp()
);
alter table snapshots owner to ledger_owner;
alter table snapshots enable row level security;
alter table snapshots force row level security;
create policy auditor on snapshots for select to ledger_auditor using (true);
create policy writer on snapshots to ledger_writer using (true) with check (true);
grant select on snapshots to ledger_auditor, ledger_backup;
grant select, insert, update on snapshots to ledger_writer;
