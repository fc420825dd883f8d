create or replace function cost_value_problem(
  p_service text,
  p_items_processed int,
  p_cost_usd numeric,
  p_metadata jsonb
)
returns text
language sql
immutable
parallel safe
as $$
  -- The first thing that keeps a cost from being tracked, or null.
  select case
    when not coalesce(p_service in ('google_maps', 'facebook', 'linkedin', 'bouncer'), false)
      then 'service is not one of google_maps, facebook, linkedin, bouncer'
    when not coalesce(p_items_processed >= 0, false) then 'items_processed is missing or negative'
    -- NaN sorts above every number: the upper bound is what refuses it.
    when not coalesce(p_cost_usd >= 0 and p_cost_usd < 'Infinity', false)
      then 'cost_usd is not a finite amount of 0 or more'
    when round(p_cost_usd, 4) >= 1000000 then 'cost_usd is 1000000 or more'
    when coalesce(jsonb_typeof(p_metadata), 'null') not in ('object', 'null')
      then 'metadata is not a JSON object'
    else idempotency_key_problem(p_metadata)
  end;
$$;
