create or replace function clean_text(p_value text)
returns text
language sql
immutable
parallel safe
begin atomic
  -- A text of a record: without white space around it, its HTML entities decoded, or null.
  select case
    when p_value like '%&%;%' then scraped_text(decoded_entities(p_value))
    else scraped_text(p_value)
  end;
end;
