create or replace function social_page(p_links text)
returns text
language plpgsql
immutable
parallel safe
-- It calls a helper, and a cluster's node calls it with another path.
set search_path from current
as $$
declare
  v_links text[];
  v_link text;
begin
  -- The first of a record's links that can be a page of somebody's; a text, or a JSON list's text.
  -- Nearly all lists are of links without a space; a pattern takes five times as long for them.
  if left(p_links, 2) = '["' and strpos(replace(p_links, '", "', ''), ' ') = 0 then
    v_links := string_to_array(btrim(p_links, '[]"'), '", "');
  else
    v_links := regexp_split_to_array(p_links, '[\s",\[\]]+');
  end if;
  foreach v_link in array coalesce(v_links, '{}') loop
    -- A list of objects has its links beside other things.
    continue when left(p_links, 2) = '[{' and strpos(v_link, '/') = 0;
    if v_link not in ('', 'null') and is_social_page(v_link) then
      return v_link;
    end if;
  end loop;
  return null;
end;
$$;
