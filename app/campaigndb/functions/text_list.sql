create or replace function text_list(p_value jsonb)
returns text[]
language sql
immutable
parallel safe
begin atomic
  -- A JSON array of texts as a text array, without its blanks; a single text is a list of one.
  select array(
    select scraped_text(element.value)
    from jsonb_array_elements_text(
      case jsonb_typeof(p_value)
        when 'array' then p_value
        when 'string' then jsonb_build_array(p_value)
        else '[]'
      end
    ) as element(value)
    where scraped_text(element.value) is not null
  );
end;
