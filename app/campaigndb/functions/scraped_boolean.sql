create or replace function scraped_boolean(p_value jsonb)
returns boolean
language sql
immutable
parallel safe
as $$
  -- Yes and no as JSON, as words or as 1 and 0; null where the value says neither.
  select case
    when jsonb_typeof(p_value) in ('boolean', 'string', 'number') then
      case lower(btrim(left(p_value #>> '{}', 20), E' \t\r\n'))
        when 'true' then true
        when 'yes' then true
        when 'y' then true
        when '1' then true
        when 'false' then false
        when 'no' then false
        when 'n' then false
        when '0' then false
      end
  end;
$$;
