create or replace function store_suppressions(
  p_kinds text[],
  p_values text[],
  p_reasons text[],
  p_erased boolean[]
)
returns bigint
language plpgsql
as $$
declare
  v_added bigint;
begin
  -- Adds to the list; the arrays are parallel, and name nothing twice. Returns how many are new. The
  -- caller has called open_suppressions.
  with stored as (
    insert into gmaps_suppressions as listed (kind, value_hash, value, reason, is_erased)
    select
      given.kind,
      suppression_hash(given.value),
      case when given.kind in ('domain', 'place') then given.value end,
      given.reason,
      given.is_erased
    from unnest(p_kinds, p_values, p_reasons, p_erased) as given(kind, value, reason, is_erased)
    on conflict (kind, value_hash) do update
    set is_erased = true
    where excluded.is_erased and not listed.is_erased
    returning xmax = 0 as is_new
  )
  select count(*) filter (where stored.is_new) into strict v_added from stored;
  return v_added;
end;
$$;
