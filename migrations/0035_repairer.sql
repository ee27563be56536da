-- Who mends balance rows and lets accounts out of quarantine. A role of its own, so that the lanes need no such right.
--
--   ledger_repairer  writes what a person or a job has decided about a damaged account, and puts on record who did
do $$
begin
    create role ledger_repairer nologin;
exception
    -- Roles belong to the whole server, and another database may be making it at the same moment.
    when duplicate_object or unique_violation then null;
end;
$$;
do $$
begin
    grant ledger_repairer to ledger_service;
exception
    when unique_violation then null;
    when others then
        -- "tuple concurrently updated": another database is doing the same.
        if sqlstate <> 'XX000' then raise; end if;
end
$$;
grant usage on schema public to ledger_repairer;

-- Every account that was let out of quarantine: who did it, why, and what had been seen of it.
create table releases (
    account_id        uuid        not null,
    released_at       timestamptz not null default clock_timestamp(),
    realm_id          uuid        not null,
    actor             text        not null,
    reason            text        not null,
    quarantined_since timestamptz not null,
    quarantine_reason text        not null,
    primary key (account_id, released_at)
);

-- Findings of the audit that somebody has explained. Each covers one finding to the letter and never another.
create table acknowledgements (
    finding         bytea       primary key check (octet_length(finding) = 32),
    check_name      text        not null,
    account_id      uuid,
    sequence        bigint,
    said            text        not null,
    -- Of the account. Null for a finding about a sum over all of them.
    realm_id        uuid,
    actor           text        not null,
    reason          text        not null,
    acknowledged_at timestamptz not null default clock_timestamp()
);

do $$
declare
    name text;
begin
    foreach name in array array['releases', 'acknowledgements']
    loop
        execute format('alter table %I owner to ledger_owner', name);
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format('create policy auditor on %I for select to ledger_auditor using (true)', name);
        execute format('grant select on %I to ledger_auditor, ledger_backup', name);
    end loop;
    foreach name in array array['events', 'account_balances', 'quarantine', 'repairs', 'releases', 'acknowledgements']
    loop
        execute format('create policy repairer on %I to ledger_repairer using (true) with check (true)', name);
        execute format('grant select on %I to ledger_repairer', name);
    end loop;
end
$$;

-- What is on record stays: nothing here may be changed or deleted but a quarantine, which goes into `releases`.
grant insert, update on account_balances to ledger_repairer;
grant insert, delete on quarantine to ledger_repairer;
grant insert on repairs, releases, acknowledgements to ledger_repairer;
