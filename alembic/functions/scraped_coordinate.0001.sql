create or replace function scraped_coordinate(p_value text, p_limit double precision)
returns double precision
language sql
immutable
parallel safe
as $$
  -- Degrees from -p_limit to p_limit; anything else becomes null.
  select case
    when length(p_value) <= 40 and p_value ~ '^[ \t\r\n]*[-+]?[0-9]+(\.[0-9]*)?[ \t\r\n]*$'
      and p_value::double precision between -p_limit and p_limit
      then p_value::double precision
  end;
$$;
