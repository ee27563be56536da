-- A gateway's or an operator's key can be rotated without a gap: for a while the key before it is taken, too.
alter table operators
    add column previous_digest bytea check (octet_length(previous_digest) = 32),
    add column previous_until timestamptz;
alter table gateways
    add column previous_digest bytea check (octet_length(previous_digest) = 32),
    add column previous_until timestamptz;
grant update (digest, previous_digest, previous_until) on operators, gateways to ledger_platform;
grant select (previous_digest, previous_until) on operators, gateways to ledger_auth;
