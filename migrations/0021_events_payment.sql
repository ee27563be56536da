-- One payment credits once, whatever key it comes under: the second road. A journal in which payments were booked twice before
-- this rule keeps them, and has the index for looking them up alone: there the rule is kept by the decision.
do $$
begin
    create unique index events_payment on events (aggregate_id, (payload ->> 'provider'), (payload ->> 'reference'))
        where event_type = 'account.topped_up';
exception when unique_violation then
    raise warning 'some payments are booked twice already: only the decision keeps a payment from being booked again';
    create index events_payment on events (aggregate_id, (payload ->> 'provider'), (payload ->> 'reference'))
        where event_type = 'account.topped_up';
end
$$;
