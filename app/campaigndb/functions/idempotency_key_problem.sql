create or replace function idempotency_key_problem(p_metadata jsonb)
returns text
language sql
immutable
parallel safe
as $$
  -- What is wrong with the idempotency key of a cost's metadata, or null; none at all is fine.
  -- The length is bounded because the key is indexed.
  select case
    when p_metadata ->> 'idempotency_key' is null then null
    when jsonb_typeof(p_metadata -> 'idempotency_key') <> 'string'
      or scraped_text(p_metadata ->> 'idempotency_key') is null
      or length(p_metadata ->> 'idempotency_key') > 255
      then 'metadata.idempotency_key is not a text of 1 to 255 characters'
  end;
$$;
