-- Row security for a new table in one line: `select protect('price_books')`, after it is made.
--
-- It belongs to ledger_owner, and row security binds the owner too. The auditor and a dump read it. With a column realm_id a
-- request sees the rows of its own realm, as ledger_app; without one the table is the platform's own. What else those two
-- may do, and what ledger_auth may read, is granted beside it, by column.
create function protect(protected regclass) returns void
language plpgsql as $$
declare
    has_realm boolean := exists (
        select from pg_attribute where attrelid = protected and attname = 'realm_id' and not attisdropped);
begin
    execute format('alter table %s owner to ledger_owner', protected);
    execute format('alter table %s enable row level security', protected);
    execute format('alter table %s force row level security', protected);
    execute format('create policy auditor on %s for select to ledger_auditor using (true)', protected);
    execute format('grant select on %s to ledger_auditor, ledger_backup', protected);
    if has_realm then
        execute format(
            'create policy realm on %s to ledger_app using (realm_id = current_realm()) with check (realm_id = current_realm())',
            protected);
        execute format('grant select, insert on %s to ledger_app', protected);
    else
        execute format('create policy platform on %s to ledger_platform using (true) with check (true)', protected);
        execute format('grant select, insert on %s to ledger_platform', protected);
    end if;
end
$$;
alter function protect(regclass) owner to ledger_owner;
revoke execute on function protect(regclass) from public;

-- In which realm a tenant lies is asked as it is for everybody else.
grant select (realm_id) on tenants to ledger_auth;
