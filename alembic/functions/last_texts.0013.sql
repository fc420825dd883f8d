create or replace function last_texts(p_texts text[], p_count int)
returns text[]
language sql
immutable
parallel safe
as $$
  -- The end of a list that would otherwise grow for ever.
  select p_texts[greatest(cardinality(p_texts) - p_count, 0) + 1:];
$$;
