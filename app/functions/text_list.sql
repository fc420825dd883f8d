create or replace function text_list(p_value jsonb)
returns text[]
language sql
immutable
parallel safe
as $$
  -- A JSON array of texts as a text array, without its blanks; a single text is a list of one.
  select coalesce(
    (
      select array_agg(scraped_text(element.value) order by element.position)
      from jsonb_array_elements_text(
        case jsonb_typeof(p_value)
          when 'array' then p_value
          when 'string' then jsonb_build_array(p_value)
          else '[]'
        end
      ) with ordinality as element(value, position)
      where scraped_text(element.value) is not null
    ),
    '{}'
  );
$$;
