create or replace function record_key(p_record jsonb)
returns text
language sql
immutable
parallel safe
begin atomic
  -- The place_id that a record's place is probably stored under, without reading all of the record.
  -- Where this is wrong, the record is read: it only saves time.
  -- Trimmed as scraped_text does it, in the place of a call of it.
  select nullif(
    btrim(
      coalesce(
        p_record ->> 'place_id', p_record ->> 'placeId', p_record ->> 'id', p_record ->> 'Place ID',
        'cid:' || (p_record ->> 'cid'), p_record ->> 'data_id'
      ),
      E' \t\r\n'
    ),
    ''
  );
end;
