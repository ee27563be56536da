-- One realm never sees another. Row security is FORCEd, so that it binds the owner too; a role without a policy sees nothing.
do $$
declare
    name text;
begin
    foreach name in array array['events', 'account_balances', 'refusals', 'quarantine', 'repairs']
    loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format('create policy auditor on %I for select to ledger_auditor using (true)', name);
        execute format('grant select on %I to ledger_auditor, ledger_backup', name);
        execute format('create policy writer on %I to ledger_writer using (true) with check (true)', name);
    end loop;
    foreach name in array array['events', 'account_balances']
    loop
        execute format('create policy realm on %I for select to ledger_app using (realm_id = current_realm())', name);
        execute format('grant select on %I to ledger_app', name);
    end loop;
end
$$;

-- The lanes: the journal only ever grows, balances move, refusals expire.
grant select, insert on events to ledger_writer;
grant select, insert, update on account_balances to ledger_writer;
grant select, insert, update, delete on refusals to ledger_writer;
grant select, insert, delete on quarantine to ledger_writer;
grant select, insert on repairs to ledger_writer;

-- Which realm an account is in, for callers that have none of their own.
create policy auth on account_balances for select to ledger_auth using (true);
grant select (account_id, realm_id) on account_balances to ledger_auth;

-- Erasure: the note of an entry in one realm, to null.
create policy eraser on events to ledger_eraser using (realm_id = current_realm()) with check (note is null);
grant select (aggregate_id, sequence, realm_id), update (note) on events to ledger_eraser;

-- The ledger refuses to start on an older schema than its own; a dump is to be complete.
grant select on _sqlx_migrations to ledger_writer, ledger_auditor, ledger_backup;
