create or replace function claim_problem(
  p_limit int,
  p_worker text,
  p_lease_seconds int,
  p_unit_cost_usd numeric
)
returns text
language sql
immutable
parallel safe
as $$
  -- Why a claim cannot be made, whatever its kind; null where it can.
  select case
    when not coalesce(p_limit between 1 and 10000, false) then 'p_limit is not between 1 and 10000'
    when btrim(p_worker) = '' then 'p_worker is blank'
    when length(p_worker) > 200 then 'p_worker is longer than 200 characters'
    when not coalesce(p_lease_seconds between 1 and 604800, false)
      then 'p_lease_seconds is not between 1 and 604800 (a week)'
    -- NaN sorts above every number: the upper bound is what refuses it.
    when not coalesce(p_unit_cost_usd >= 0 and p_unit_cost_usd < 1000000, true)
      then 'p_unit_cost_usd is not between 0 and 1000000'
  end;
$$;
