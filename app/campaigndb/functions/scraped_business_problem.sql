create or replace function scraped_business_problem(
  p_record jsonb,
  p_place_id text,
  p_name text
)
returns text
language sql
immutable
parallel safe
as $$
  -- Why a scraped record cannot be stored, by what was read of it; null where it can.
  select case
    when p_place_id is null then
      case when jsonb_typeof(p_record) = 'object' then 'no place_id' else 'not a JSON object' end
    when octet_length(p_place_id) > 1000 then 'place_id is longer than 1000 bytes'
    when p_name is null then 'no name'
  end;
$$;
