-- Who may call, and for whom.
--
-- What a company's member has is the company's: the realm of a user, and of their keys, is their tenant or else
-- themselves. It follows from membership here, and nowhere on the money: an account's realm is its owner for ever.
-- Keys are kept as SHA-256 digests of 32 random bytes, so that nobody who reads a dump can use one.
--
--   ledger_platform  operators and gateways, which belong to no realm
do $$
begin
    create role ledger_platform nologin;
exception
    -- Roles belong to the whole server, and another database may be making it at the same moment.
    when duplicate_object or unique_violation then null;
end;
$$;
do $$
begin
    grant ledger_platform to ledger_service;
exception
    when unique_violation then null;
    when others then
        -- "tuple concurrently updated": another database is doing the same.
        if sqlstate <> 'XX000' then raise; end if;
end
$$;
grant usage on schema public to ledger_platform;

create table tenants (
    tenant_id  uuid primary key,
    realm_id   uuid             not null generated always as (tenant_id) stored,
    name       text             not null check (length(name) between 1 and 255),
    slug       text collate "C" not null unique check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    plan       text             not null check (length(plan) between 1 and 255),
    status     text             not null default 'active' check (status in ('active', 'suspended', 'deleted')),
    settings   jsonb            not null default '{}' check (jsonb_typeof(settings) = 'object'),
    version    bigint           not null default 1,
    created_at timestamptz      not null default clock_timestamp(),
    created_by text             not null,
    updated_at timestamptz      not null default clock_timestamp()
);

create table users (
    user_id    uuid primary key,
    tenant_id  uuid references tenants,
    realm_id   uuid             not null generated always as (coalesce(tenant_id, user_id)) stored,
    -- In its canonical form, so that one mailbox is one person.
    email      text collate "C" not null unique check (length(email) between 3 and 254),
    full_name  text             not null check (length(full_name) between 1 and 255),
    version    bigint           not null default 1,
    created_at timestamptz      not null default clock_timestamp(),
    created_by text             not null,
    updated_at timestamptz      not null default clock_timestamp(),
    unique (user_id, realm_id)
);

create table virtual_keys (
    key_id     uuid primary key,
    user_id    uuid        not null,
    realm_id   uuid        not null,
    name       text        not null check (length(name) between 1 and 255),
    digest     bytea       not null unique check (octet_length(digest) = 32),
    version    bigint      not null default 1,
    created_at timestamptz not null default clock_timestamp(),
    created_by text        not null,
    updated_at timestamptz not null default clock_timestamp(),
    revoked_at timestamptz,
    revoked_by text,
    -- The realm is part of the reference, so that a key can never stand in another one than its user.
    foreign key (user_id, realm_id) references users (user_id, realm_id) on update cascade
);

create table operators (
    operator_id uuid primary key,
    name        text        not null check (length(name) between 1 and 255),
    role        text        not null check (role in ('admin', 'cashier', 'auditor')),
    digest      bytea       not null unique check (octet_length(digest) = 32),
    created_at  timestamptz not null default clock_timestamp(),
    created_by  text        not null,
    revoked_at  timestamptz,
    revoked_by  text
);

create table gateways (
    gateway_id uuid primary key,
    name       text        not null check (length(name) between 1 and 255),
    digest     bytea       not null unique check (octet_length(digest) = 32),
    created_at timestamptz not null default clock_timestamp(),
    created_by text        not null,
    revoked_at timestamptz,
    revoked_by text
);

do $$
declare
    name text;
begin
    foreach name in array array['tenants', 'users', 'virtual_keys', 'operators', 'gateways']
    loop
        execute format('alter table %I owner to ledger_owner', name);
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format('create policy auditor on %I for select to ledger_auditor using (true)', name);
        execute format('create policy auth on %I for select to ledger_auth using (true)', name);
        execute format('grant select on %I to ledger_auditor, ledger_backup', name);
    end loop;
    foreach name in array array['tenants', 'users', 'virtual_keys']
    loop
        execute format(
            'create policy realm on %I to ledger_app using (realm_id = current_realm()) with check (realm_id = current_realm())',
            name);
        execute format('grant select, insert on %I to ledger_app', name);
    end loop;
    foreach name in array array['operators', 'gateways']
    loop
        execute format('create policy platform on %I to ledger_platform using (true) with check (true)', name);
        execute format('grant select, insert, update (revoked_at, revoked_by) on %I to ledger_platform', name);
    end loop;
end
$$;
grant update (name, slug, plan, status, settings, version, updated_at) on tenants to ledger_app;
grant update (full_name, version, updated_at) on users to ledger_app;
grant update (name, digest, version, updated_at, revoked_at, revoked_by) on virtual_keys to ledger_app;

-- Before a realm is known: who holds a key, who pays for it, and in which realm a named object lies.
grant select (tenant_id, status) on tenants to ledger_auth;
grant select (user_id, tenant_id, realm_id) on users to ledger_auth;
grant select (key_id, user_id, realm_id, digest, revoked_at) on virtual_keys to ledger_auth;
grant select (operator_id, role, digest, revoked_at) on operators to ledger_auth;
grant select (gateway_id, digest, revoked_at) on gateways to ledger_auth;
