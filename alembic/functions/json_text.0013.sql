create or replace function json_text(p_value jsonb)
returns text
language sql
immutable
parallel safe
as $$
  -- A JSON text or number as trimmed text; null for blanks, and for what is neither.
  select case
    when jsonb_typeof(p_value) in ('string', 'number') then nullif(btrim(p_value #>> '{}', E' \t\r\n'), '')
  end;
$$;
