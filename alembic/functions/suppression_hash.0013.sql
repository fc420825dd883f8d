create or replace function suppression_hash(p_value text)
returns bytea
language sql
stable
parallel safe
as $$
  -- The key of a suppression.
  select sha256(convert_to(p_value, 'UTF8'));
$$;
