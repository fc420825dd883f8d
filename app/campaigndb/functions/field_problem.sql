create or replace function field_problem(p_object jsonb, p_key text, p_type text)
returns text
language sql
immutable
parallel safe
as $$
  -- What is wrong with one field of a JSON object, or null; an absent or null field is fine.
  select case
    when coalesce(jsonb_typeof(p_object -> p_key), 'null') = 'null' then null
    when p_type = 'text' then
      case when jsonb_typeof(p_object -> p_key) <> 'string' then p_key || ' is not a text' end
    when p_type = 'boolean' then
      case when jsonb_typeof(p_object -> p_key) <> 'boolean' then p_key || ' is not true or false' end
    when p_type = 'uuid' then
      case
        when jsonb_typeof(p_object -> p_key) <> 'string'
          or p_object ->> p_key !~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$'
          then p_key || ' is not a UUID'
      end
    when p_type = 'text[]' then
      case
        when jsonb_typeof(p_object -> p_key) = 'string' then null
        when jsonb_typeof(p_object -> p_key) <> 'array'
          or jsonb_path_exists(p_object -> p_key, 'strict $[*] ? (@.type() != "string" && @.type() != "null")')
          then p_key || ' is not a list of texts'
      end
    -- JavaScript sends money as text, so that no float touches it. An exponent of three digits is more
    -- than any number here has, and cannot make a value that takes memory.
    when jsonb_typeof(p_object -> p_key) not in ('number', 'string')
      or length(p_object ->> p_key) > 80
      or p_object ->> p_key !~ '^[ \t\r\n]*[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,3})?[ \t\r\n]*$'
      then p_key || ' is not a number'
    when p_type = 'count' then
      case
        when (p_object ->> p_key)::numeric not between 0 and 2147483647
          or (p_object ->> p_key)::numeric <> trunc((p_object ->> p_key)::numeric)
          then p_key || ' is not a whole number from 0 to 2147483647'
      end
    when p_type = 'percentage' then
      case when (p_object ->> p_key)::numeric not between 0 and 100 then p_key || ' is not between 0 and 100' end
    when p_type = 'money' then
      case
        when (p_object ->> p_key)::numeric < 0
          or round((p_object ->> p_key)::numeric, 4) > 99999999999999.9999
          then p_key || ' is not between 0 and 99999999999999.9999'
      end
    when p_type = 'score' then
      case when (p_object ->> p_key)::numeric < 0 then p_key || ' is negative' end
  end;
$$;
