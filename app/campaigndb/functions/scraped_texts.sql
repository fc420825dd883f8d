create or replace function scraped_texts(p_values jsonb)
returns text[]
language plpgsql
immutable
parallel safe
as $$
declare
  v_values jsonb := jsonb_path_query_array(p_values, 'strict $[*] ? (@ != null)');
begin
  -- The texts in a list of values, each once, in their order. A value is a text, a number, a list of
  -- them, or an object that holds the text under one of the names that scrapers give it.
  if v_values = '[]' then
    return '{}'::text[];
  end if;
  -- Mostly there is one text, which needs no query.
  if jsonb_array_length(v_values) = 1 and jsonb_typeof(v_values -> 0) = 'array' then
    v_values := v_values -> 0;
  end if;
  if jsonb_array_length(v_values) = 1 and jsonb_typeof(v_values -> 0) = 'string' then
    return array_remove(array[btrim(v_values ->> 0, E' \t\r\n')], '');
  end if;
  return array(
    select listed.text
    from (
      select btrim(element.value #>> '{}', E' \t\r\n') as text, min(element.position) as position
      from (
        select
          case
            when jsonb_typeof(item.value) = 'object' then coalesce(
              item.value -> 'email', item.value -> 'number', item.value -> 'phoneNumber',
              item.value -> 'value', item.value -> 'address', item.value -> 'text'
            )
            else item.value
          end as value,
          item.position
        from jsonb_path_query(v_values, 'lax $[*][*]') with ordinality as item(value, position)
      ) as element
      where jsonb_typeof(element.value) in ('string', 'number')
      group by 1
    ) as listed
    where listed.text <> ''
    order by listed.position
  );
end;
$$;
