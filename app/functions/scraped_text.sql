create or replace function scraped_text(p_value text)
returns text
language sql
immutable
parallel safe
as $$
  -- Scrapers write "nothing" as blank text.
  select nullif(btrim(p_value, E' \t\r\n'), '');
$$;
