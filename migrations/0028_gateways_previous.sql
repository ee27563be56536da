-- The gateway that still comes with the key before a rotation.
create unique index gateways_previous_digest on gateways (previous_digest);
