create or replace function scraped_number(p_value text)
returns numeric
language sql
immutable
parallel safe
as $$
  -- Dirty numbers become null instead of failing a whole batch; raw data keeps what was sent.
  select case
    when p_value ~ '^\s*[-+]?[0-9]{1,30}(\.[0-9]{0,30})?\s*$' then p_value::numeric
  end;
$$;
