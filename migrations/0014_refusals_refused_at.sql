-- The sweeper finds refusals that bind nobody any more by their age alone, also those of accounts that nobody calls.
create index refusals_refused_at on refusals (refused_at);
