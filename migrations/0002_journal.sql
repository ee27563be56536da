-- The journal: the only truth. Everything else can be computed from it.
--
-- The first seven columns are those of postgres-es, so that its unmodified repository reads our journal.
-- The account id leads every key on the money path, and determines the realm: no key is shared by two realms.
create table events (
    aggregate_type text collate "C" not null default 'account' check (aggregate_type = 'account'),
    aggregate_id   text collate "C" not null,
    sequence       bigint           not null check (sequence > 0),
    event_type     text             not null,
    event_version  text             not null,
    -- json, not jsonb: the hash covers these very characters.
    payload        json             not null,
    metadata       json             not null,

    realm_id       uuid             not null,
    currency       text collate "C" not null,
    -- What makes a key act once, for ever: the key, and the request that it stood for.
    key_hash       bytea            check (octet_length(key_hash) = 16),
    request_hash   bytea            check (octet_length(request_hash) = 16),
    -- The entry of the same stream that this one follows up, such as the charge of a refund.
    ref_sequence   bigint           check (ref_sequence < sequence),
    -- The caller's free text. Outside the hash, which covers only its digest: it can be erased and the chain still holds.
    note           json,
    note_digest    bytea            check (octet_length(note_digest) = 32),
    -- By the lane, hashed, not decreasing along a stream; and by the database, to check it against.
    recorded_at    timestamptz      not null,
    stored_at      timestamptz      not null default clock_timestamp(),
    -- The position that followers read by, behind the oldest running transaction.
    txid           xid8             not null default pg_current_xact_id(),
    hash           bytea            not null check (octet_length(hash) = 32),

    primary key (aggregate_id, sequence),
    check ((key_hash is null) = (request_hash is null)),
    check (note is null or note_digest is not null)
);

-- One row per account, moved in the commit of its events, so it is right in every process at once.
create table account_balances (
    account_id         uuid primary key,
    realm_id           uuid             not null,
    owner_user_id      uuid,
    owner_tenant_id    uuid,
    currency           text collate "C" not null,
    balance            numeric          not null,
    frozen_balance     numeric          not null,
    outstanding_amount numeric          not null,
    free_credit        numeric          not null,
    credit_limit       numeric          not null check (credit_limit >= 0),
    forced_debt        numeric          not null check (forced_debt >= 0),
    last_charged_at    timestamptz,
    -- The sequence of the account's last event.
    balance_version    bigint           not null check (balance_version > 0),
    -- Moves with every batch that refuses, so that a refusal decided on stale state cannot be stored.
    decisions          bigint           not null check (decisions >= 0),
    updated_at         timestamptz      not null,

    constraint account_balances_floor check (balance - frozen_balance >= -(credit_limit + forced_debt)),
    constraint account_balances_owner check (
        num_nonnulls(owner_user_id, owner_tenant_id) = 1 and realm_id = coalesce(owner_user_id, owner_tenant_id))
) with (fillfactor = 60); -- room for the next version on the same page, so that a move touches no index

-- What the rules refused: the key's outcome, as binding as a success, for 30 days.
create table refusals (
    account_id   uuid        not null,
    key_hash     bytea       not null check (octet_length(key_hash) = 16),
    realm_id     uuid        not null,
    request_hash bytea       not null check (octet_length(request_hash) = 16),
    rejection    json        not null,
    refused_at   timestamptz not null,
    primary key (account_id, key_hash)
);

-- Accounts whose stream did not load whole. They answer 503 until an audit finds them sound again.
create table quarantine (
    account_id uuid primary key,
    realm_id   uuid,
    reason     text        not null,
    since      timestamptz not null default clock_timestamp()
);

-- Every balance row that was mended: what it said, and what the journal says.
create table repairs (
    account_id  uuid        not null,
    repaired_at timestamptz not null default clock_timestamp(),
    realm_id    uuid        not null,
    actor       text        not null,
    before      json,
    after       json        not null,
    primary key (account_id, repaired_at)
);

-- The last line of every append: what was stored is what was decided, or nothing is stored at all.
create function must_move(moved bigint, expected bigint) returns boolean
language plpgsql as $$
begin
    if moved <> expected then
        raise exception 'moved % rows, expected %', moved, expected using errcode = 'LD001';
    end if;
    return true;
end
$$;

-- History is kept by grants; this repeats it for whoever has more rights than the grants foresee.
create function refuse_change() returns trigger
language plpgsql as $$
begin
    if tg_op = 'UPDATE' and new.note is null
        and to_jsonb(new) - 'note' = to_jsonb(old) - 'note'
        and new.payload::text = old.payload::text and new.metadata::text = old.metadata::text
    then
        return new;
    end if;
    raise exception 'the journal is append-only' using errcode = 'LD003';
end
$$;
create trigger events_append_only before update or delete on events for each row execute function refuse_change();
create trigger events_not_truncated before truncate on events execute function refuse_change();

alter table events owner to ledger_owner;
alter table account_balances owner to ledger_owner;
alter table refusals owner to ledger_owner;
alter table quarantine owner to ledger_owner;
alter table repairs owner to ledger_owner;
alter function must_move(bigint, bigint) owner to ledger_owner;
alter function refuse_change() owner to ledger_owner;
