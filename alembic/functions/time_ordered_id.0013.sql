create or replace function time_ordered_id()
returns uuid
language sql
volatile
parallel safe
as $$
  -- A UUID of version 7: the time in milliseconds, then chance. What is written together is together in
  -- the primary key's index, which stays smaller and cheaper than with ids by chance.
  select (
    lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0')
    || '7' || substr(gen_random_uuid()::text, 16)
  )::uuid;
$$;
