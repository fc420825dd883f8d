create or replace function without_json(p_json jsonb, p_pattern text)
returns jsonb
language sql
immutable
parallel safe
as $$
  -- A document without what an erasure_pattern finds in it, wherever that is.
  select case
    when p_json::text ~* p_pattern then regexp_replace(p_json::text, p_pattern, '\1', 'gi')::jsonb
    else p_json
  end;
$$;
