-- A lane moves balances. Whose account it is, and in what currency, is settled when it is opened: only a repair may write that.
revoke update on account_balances from ledger_writer;
grant update (balance, frozen_balance, outstanding_amount, free_credit, credit_limit, forced_debt, last_charged_at,
    balance_version, decisions, head, updated_at) on account_balances to ledger_writer;

-- An account that has lost its row is broken, not absent: where it lies can be seen from its events too.
create policy auth on events for select to ledger_auth using (true);
grant select (aggregate_id, sequence, realm_id) on events to ledger_auth;
