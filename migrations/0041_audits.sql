-- Every audit that came to its end: when, by whom, and what of it. The books belong to the platform, so no realm sees them.
create table audits (
    audit_id      bigint      primary key generated always as identity,
    -- The moment that the verdict is true of.
    as_of         timestamptz not null,
    recorded_at   timestamptz not null default clock_timestamp(),
    actor         text        not null,
    sound         boolean     not null,
    accounts      bigint      not null,
    entries       bigint      not null,
    -- How often a check did not hold, and the first place where one did not.
    wrong         bigint      not null,
    first_finding text
);
alter table audits owner to ledger_owner;
alter table audits enable row level security;
alter table audits force row level security;
create policy auditor on audits for select to ledger_auditor using (true);
create policy repairer on audits for insert to ledger_repairer with check (true);
grant select on audits to ledger_auditor, ledger_backup;
grant insert on audits to ledger_repairer;
