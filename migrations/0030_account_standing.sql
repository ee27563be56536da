-- Whether the tenant that owns an account may begin anything new: asked before each charge by whoever is not a customer.
create view account_standing with (security_invoker = true) as
    select a.account_id, a.realm_id, t.status
    from account_balances a join tenants t on t.tenant_id = a.realm_id;
alter view account_standing owner to ledger_owner;
grant select on account_standing to ledger_auth;
