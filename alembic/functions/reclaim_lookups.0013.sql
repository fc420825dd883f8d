create or replace function reclaim_lookups(
  p_campaign_id uuid,
  p_kind text,
  p_limit int,
  p_affordable int,
  p_max_attempts int,
  p_worker text,
  p_leased_until timestamptz,
  p_unit_cost_usd numeric
)
returns table (item_ids uuid[], held int)
language plpgsql
-- Items are looked up in the indexes, whatever the tables held when the plan was made.
set jit to off
set enable_seqscan to off
set enable_hashjoin to off
set enable_mergejoin to off
as $$
#variable_conflict use_variable
declare
  v_now timestamptz := now();
  v_left int;
  v_due uuid[];
  v_wanted uuid[];
  v_unfinished uuid[];
  v_taken uuid[];
begin
  item_ids := '{}';
  -- The items that were claimed before: what the worker still holds, then what is due again, because
  -- its lease ended unfinished or its wait after a failure is over.
  if p_worker is not null then
    v_due := array(
      select lookup.item_id
      from gmaps_lookups as lookup
      where lookup.campaign_id = p_campaign_id
        and lookup.kind = p_kind
        and lookup.due_at > v_now
        and lookup.due_at < 'infinity'
        and lookup.claimed_at is not null
        and lookup.worker = p_worker
      order by lookup.claimed_at, lookup.item_id
      limit p_limit
    );
    if v_due <> '{}' then
      item_ids := array(select wanted.item_id from wanted_lookups(p_kind, v_due) as wanted);
      update gmaps_lookups as lookup
      set due_at = p_leased_until
      where lookup.kind = p_kind and lookup.item_id = any (item_ids);
    end if;
  end if;

  held := cardinality(item_ids);
  v_left := least(p_limit - held, p_affordable);
  while v_left > 0 loop
    v_due := array(
      select lookup.item_id
      from gmaps_lookups as lookup
      where lookup.campaign_id = p_campaign_id and lookup.kind = p_kind and lookup.due_at <= v_now
      order by lookup.due_at
      limit v_left
      for update skip locked
    );
    exit when v_due = '{}';
    v_wanted := array(select wanted.item_id from wanted_lookups(p_kind, v_due) as wanted);

    delete from gmaps_lookups as lookup
    where lookup.kind = p_kind
      and lookup.item_id = any (v_due)
      and lookup.item_id <> all (v_wanted);

    -- A lease that ended unfinished was an attempt: an item that kills its workers must end.
    v_unfinished := array(
      select lookup.item_id
      from gmaps_lookups as lookup
      where lookup.kind = p_kind
        and lookup.item_id = any (v_wanted)
        and lookup.claimed_at is not null
        and lookup.attempts + 1 >= p_max_attempts
    );
    perform fail_lookups(
      p_kind, v_unfinished, v_unfinished,
      array_fill('the lease ended unfinished'::text, array[cardinality(v_unfinished)]), null
    );

    with taken as (
      update gmaps_lookups as lookup
      set
        attempts = lookup.attempts + case when lookup.claimed_at is null then 0 else 1 end,
        claimed_at = v_now,
        worker = p_worker,
        due_at = p_leased_until,
        reserved_usd = coalesce(p_unit_cost_usd, 0)
      where lookup.kind = p_kind
        and lookup.item_id = any (v_wanted)
        and lookup.item_id <> all (v_unfinished)
      returning lookup.item_id
    )
    select coalesce(array_agg(taken.item_id), '{}') into v_taken from taken;
    item_ids := item_ids || v_taken;
    v_left := v_left - cardinality(v_taken);
  end loop;
  return next;
end;
$$;
