-- A stored time that PostgreSQL cannot read must not keep everybody from reading the views. It is shown as null, and the audit
-- names its entry, because such an event does not fold.

-- A time as the ledger writes it, and null for any other text: a leap second, the 31st of June. A cast would raise.
create function time_or_null(written text) returns timestamptz
language sql stable parallel safe as $$
    select case when written ~ '^[1-9]\d{3}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3])(:[0-5]\d){2}(\.\d{1,9})?Z$'
        then case when substr(written, 9, 2)::int
            <= extract(day from (substr(written, 1, 8) || '01')::date + interval '1 month - 1 day')
            then written::timestamptz end end
$$;

create or replace view postings with (security_invoker = true) as
select e.aggregate_id::uuid as account_id,
       e.realm_id,
       e.sequence,
       entry_id(e.aggregate_id, e.sequence) as entry_id,
       e.event_type,
       e.currency,
       e.recorded_at,
       time_or_null(e.payload -> 'entry' ->> 'effective_at') as effective_at,
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

create or replace view api.billing_transactions with (security_invoker = true) as
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
       time_or_null(e.payload -> 'entry' ->> 'effective_at') as effective_at,
       e.recorded_at
from events e
where e.payload ->> 'amount' is not null;

alter function time_or_null(text) owner to ledger_owner;
