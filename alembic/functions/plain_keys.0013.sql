create or replace function plain_keys(p_record jsonb)
returns jsonb
language plpgsql
immutable
parallel safe
as $$
begin
  -- A row of a table with titled columns: "Place ID" is place_id. Its own keys stay beside them.
  return coalesce(
    (
      select jsonb_object_agg(
        btrim(lower(regexp_replace(field.key, '[^A-Za-z0-9]+', '_', 'g')), '_'), field.value
        order by field.key desc
      )
      from jsonb_each(p_record) as field
      where field.key ~ '[A-Z -]' and length(field.key) <= 100
        -- Words for nothing.
        and (
          length(field.value #>> '{}') > 4
          or lower(field.value #>> '{}') <> all ('{n/a,none,"null",nan,-,--,""}')
        )
    ),
    '{}'
  ) || p_record;
end;
$$;
