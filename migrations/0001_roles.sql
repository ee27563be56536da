-- Who may do what. Roles belong to the whole server, so another database may have made them already.
--
--   ledger_owner    owns the tables and migrates them; nobody logs in as it
--   ledger_app      requests: one realm per transaction, chosen by set_realm(), read only
--   ledger_writer   the lanes: append to the journal and move balances, across realms
--   ledger_auth     the few columns needed before a realm is known (account -> realm)
--   ledger_eraser   may set a note to null, in one realm, and nothing else
--   ledger_auditor  reads everything, writes nothing
--   ledger_backup   reads past row security, for dumps: FORCE binds even the owner
--   ledger_service  logs in; inherits nothing, so each pool says which role it is
do $$
declare
    role text;
begin
    foreach role in array array['ledger_owner', 'ledger_app', 'ledger_writer', 'ledger_auth', 'ledger_eraser', 'ledger_auditor', 'ledger_backup']
    loop
        begin
            execute format('create role %I nologin', role);
        exception
            -- Two databases of one server may migrate at the same moment: the second finds the row, or loses a race for it.
            when duplicate_object or unique_violation then null;
        end;
    end loop;
    begin
        -- No password: under password authentication nobody can log in before the administrator has set one.
        create role ledger_service login noinherit;
    exception
        when duplicate_object or unique_violation then null;
    end;
    begin
        alter role ledger_backup bypassrls;
    exception
        when insufficient_privilege then
            raise notice 'only a superuser can let ledger_backup read past row security; until then dump as a superuser';
        when others then
            -- "tuple concurrently updated": another database is doing the same.
            if sqlstate <> 'XX000' then raise; end if;
    end;
end
$$;

do $$
begin
    grant ledger_app, ledger_writer, ledger_auth, ledger_eraser, ledger_auditor to ledger_service;
exception
    when unique_violation then null;
    when others then
        if sqlstate <> 'XX000' then raise; end if;
end
$$;

grant usage, create on schema public to ledger_owner;
grant usage on schema public to ledger_app, ledger_writer, ledger_auth, ledger_eraser, ledger_auditor, ledger_backup;

create schema api authorization ledger_owner;
grant usage on schema api to ledger_app, ledger_auditor;

-- The realm of a transaction. A function of its own with SET LOCAL, because on a cluster set_config never reaches the workers.
create function set_realm(realm uuid) returns void
language plpgsql as $$
begin
    execute format('set local ledger.realm = %L', realm);
end
$$;

-- Errors when no realm was set: neither all rows nor silently none. After an earlier SET LOCAL the setting is '', not absent.
create function current_realm() returns uuid
language sql stable parallel safe as $$
    select current_setting('ledger.realm')::uuid
$$;

alter function set_realm(uuid) owner to ledger_owner;
alter function current_realm() owner to ledger_owner;
