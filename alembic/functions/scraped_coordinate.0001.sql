create or replace function scraped_coordinate(p_value jsonb, p_limit int)
returns double precision
language sql
immutable
parallel safe
as $$
  -- Degrees from -p_limit to p_limit; anything else becomes null.
  select case
    when abs(scraped_number(p_value)) <= p_limit then scraped_number(p_value)::double precision
  end;
$$;
