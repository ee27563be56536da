-- What other programs read. Every view runs with its reader's rights: row security holds through it.

-- An entry's id is its account's id with version 8 and the sequence in the last twelve digits.
create function entry_id(account text, sequence bigint) returns uuid
language sql immutable strict parallel safe as $$
    select (substr(account, 1, 14) || '8' || substr(account, 16, 9) || lpad(to_hex(sequence), 12, '0'))::uuid
$$;

-- Two rows a movement. A view and not a table: rows in the commit would cost a quarter to a half of the rate.
create view postings with (security_invoker = true) as
select e.aggregate_id::uuid as account_id,
       e.realm_id,
       e.sequence,
       entry_id(e.aggregate_id, e.sequence) as entry_id,
       e.event_type,
       e.currency,
       e.recorded_at,
       (e.payload -> 'entry' ->> 'effective_at')::timestamptz as effective_at,
       m.ordinal::int as movement,
       p.side,
       p.leg,
       p.amount
from events e
cross join json_array_elements(e.payload -> 'entry' -> 'movements') with ordinality as m (movement, ordinal)
cross join lateral (values
    ('debit', m.movement ->> 'debit', (m.movement ->> 'amount')::numeric),
    ('credit', m.movement ->> 'credit', -(m.movement ->> 'amount')::numeric)
) as p (side, leg, amount);
comment on view postings is 'Two rows a movement; debits are positive and credits negative, so every entry sums to zero';

create view api.account_balances with (security_invoker = true) as
select account_id,
       owner_user_id,
       owner_tenant_id,
       currency,
       balance,
       frozen_balance,
       balance - frozen_balance + credit_limit as available,
       outstanding_amount,
       free_credit,
       credit_limit,
       forced_debt,
       last_charged_at,
       balance_version,
       updated_at
from account_balances;

create view api.billing_transactions with (security_invoker = true) as
select entry_id(e.aggregate_id, e.sequence) as transaction_id,
       e.aggregate_id::uuid as account_id,
       e.sequence as balance_version,
       substr(e.event_type, 9) as type, -- without 'account.'
       (e.payload ->> 'amount')::numeric as amount,
       e.currency,
       (e.payload -> 'entry' -> 'after' ->> 'main')::numeric
           + (e.payload -> 'entry' -> 'after' ->> 'held')::numeric
           + (e.payload -> 'entry' -> 'after' ->> 'grants')::numeric as balance_after,
       e.payload ->> 'reference' as reference,
       entry_id(e.aggregate_id, e.ref_sequence) as refers_to,
       e.note ->> 'description' as description,
       (e.payload -> 'entry' ->> 'effective_at')::timestamptz as effective_at,
       e.recorded_at
from events e
where e.payload ->> 'amount' is not null;

grant select on postings, api.account_balances, api.billing_transactions to ledger_app, ledger_auditor;
alter function entry_id(text, bigint) owner to ledger_owner;
alter view postings owner to ledger_owner;
alter view api.account_balances owner to ledger_owner;
alter view api.billing_transactions owner to ledger_owner;
