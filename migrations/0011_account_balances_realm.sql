-- The accounts of an owner. The realm never changes, so a balance that moves does not touch this index.
create index account_balances_realm on account_balances (realm_id);
