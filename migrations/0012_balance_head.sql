-- The hash of the account's last event stands on its row too, and the append is fenced on it: after a fail-over that lost a
-- commit, a process that remembers the lost event can no longer append to it.
-- Null on a row that was last moved before this: the next move, under locks, writes it.
alter table account_balances add column head bytea check (octet_length(head) = 32);

-- The last line of every append: each count is what was decided, or nothing is stored at all.
create function must_move(moved bigint[], expected bigint[]) returns boolean
language plpgsql as $$
begin
    if moved is distinct from expected then
        raise exception 'moved %, expected %', moved, expected using errcode = 'LD001';
    end if;
    return true;
end
$$;
alter function must_move(bigint[], bigint[]) owner to ledger_owner;

-- A process of the release before this one does not know of heads. Without its function it stores nothing.
drop function must_move(bigint, bigint);
