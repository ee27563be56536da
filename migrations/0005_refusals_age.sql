-- Refusals are forgotten by age.
create index refusals_age on refusals (account_id, refused_at);
