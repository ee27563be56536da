-- Whoever reads an account or its statement learns whether it is out of service. Why it is, is for the platform.
create policy realm on quarantine for select to ledger_app using (realm_id = current_realm());
grant select (account_id, realm_id) on quarantine to ledger_app;
