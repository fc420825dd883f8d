create or replace function scraped_email(p_value text)
returns text
language sql
immutable
parallel safe
as $$
  -- Only what can be an address at all: something on both sides of an @, no white space.
  select case
    when btrim(p_value, E' \t\r\n') ~ '^[^\s@]+@[^\s@]+$' then btrim(p_value, E' \t\r\n')
  end;
$$;
