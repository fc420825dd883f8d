create or replace function place_suppressions(p_place_id text, p_cid text, p_phone text)
returns bytea[]
language sql
stable
parallel safe
begin atomic
  -- The keys of the suppressions that take a place out: its id's, that of the id it had while only its
  -- cid was known, and its phone's. Who asks looks them up itself: a cluster runs no function that reads
  -- a table within a query over another.
  select array[
    suppression_hash(p_place_id),
    suppression_hash('cid:' || p_cid),
    suppression_hash(phone_number(p_phone))
  ];
end;
