-- An admin is made, rotated and revoked by an admin: the database asks for the proof itself.
--
-- The proof is the SHA-256 of an admin's key, said in the transaction as ledger.admin_proof; what is kept is the SHA-256 of the
-- proof. So nobody who can only read and write these tables, as ledger_platform or whoever else the service may become, can
-- make an admin, and the key itself never comes here. Whoever owns the tables needs no proof: `ledger operators create` is for
-- when nobody is left who could give one.

-- Operators' digests as they are from now on: of the proof, not of the key. Row security would hide the rows from their owner.
alter table operators no force row level security;
update operators set digest = sha256(digest);
alter table operators force row level security;

create function admin_is_proven() returns boolean
language sql stable as $$
    select exists (
        select from operators,
            (select sha256(decode(coalesce(current_setting('ledger.admin_proof', true), ''), 'hex')) as digest) proof
        where role = 'admin' and revoked_at is null
          and (operators.digest = proof.digest
               or (operators.previous_digest = proof.digest and operators.previous_until > clock_timestamp())))
$$;
alter function admin_is_proven() owner to ledger_owner;

drop policy platform on operators;
create policy platform on operators for select to ledger_platform using (true);
-- The first operator of all is made by the service itself, at its first start.
create policy platform_inserts on operators for insert to ledger_platform
    with check (role <> 'admin' or admin_is_proven() or not exists (select from operators));
create policy platform_updates on operators for update to ledger_platform
    using (role <> 'admin' or admin_is_proven()) with check (role <> 'admin' or admin_is_proven());
create policy owner_inserts on operators for insert to ledger_owner with check (true);
