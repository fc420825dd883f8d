create or replace function scraped_number(p_value jsonb)
returns numeric
language sql
immutable
parallel safe
as $$
  -- Dirty numbers become null instead of failing a whole batch; raw data keeps what was sent.
  -- How large a number may be is for the reader to say.
  -- Only the white space that numeric reads, not what \s is to the database's locale.
  -- The length is bounded apart from the pattern: counted repeats make it seven times slower.
  select case jsonb_typeof(p_value)
    when 'number' then p_value::numeric
    when 'string' then case
      when length(p_value #>> '{}') <= 40
        and p_value #>> '{}' ~ '^[ \t\r\n]*[-+]?[0-9]+(\.[0-9]*)?[ \t\r\n]*$'
        then (p_value #>> '{}')::numeric
    end
  end;
$$;
