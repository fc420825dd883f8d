create or replace function scraped_text(p_value text)
returns text
language sql
immutable
parallel safe
as $$
  -- Scrapers write "nothing" as blank text. Most texts have no white space around them, and to see
  -- that takes half of the time.
  select case
    when p_value collate "C" > '!' and right(p_value, 1) collate "C" > ' ' then p_value
    else nullif(btrim(p_value, E' \t\r\n'), '')
  end;
$$;
