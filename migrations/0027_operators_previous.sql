-- The operator who still comes with the key before a rotation.
create unique index operators_previous_digest on operators (previous_digest);
