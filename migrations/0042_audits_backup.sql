-- A dump reads the counter behind the numbers of audits, too.
grant select on sequence audits_audit_id_seq to ledger_backup;
