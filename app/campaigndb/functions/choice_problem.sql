create or replace function choice_problem(p_object jsonb, p_key text, p_choices text[])
returns text
language sql
immutable
parallel safe
as $$
  -- What is wrong with a field that takes one of a few values, or null; absent or null is fine.
  select case
    when coalesce(jsonb_typeof(p_object -> p_key), 'null') <> 'null'
      and not coalesce(p_object ->> p_key = any (p_choices), false)
      then p_key || ' is not one of ' || array_to_string(p_choices, ', ')
  end;
$$;
