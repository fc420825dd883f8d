create or replace function flat_json(p_text text)
returns jsonb
language sql
immutable
parallel safe
as $$
  -- The JSON in a cell of a table: an object of texts, numbers and lists of them. Null for any
  -- other text, as what is no JSON would fail the whole batch. Left out as well: what jsonb cannot
  -- hold (\u0000, half of a pair) and numbers that are too long to be meant.
  select case
    when length(p_text) <= 20000
      and p_text !~ '\\u(0000|[dD][89a-fA-F])'
      and p_text ~ (
        '^\s*\{(\s*"([^"\\[:cntrl:]]|\\["\\/bfnrtu])*"\s*:\s*'
        || '("([^"\\[:cntrl:]]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"|-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,18})?|true|false|null'
        || '|\[\s*("([^"\\[:cntrl:]]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"\s*(,\s*"([^"\\[:cntrl:]]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"\s*)*)?\])'
        || '\s*(,(?=\s*")|(?=\})))*\}\s*$'
      )
      then p_text::jsonb
  end;
$$;
