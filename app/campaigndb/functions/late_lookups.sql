create or replace function late_lookups(p_kind text, p_item_ids uuid[], p_workers text[])
returns bigint
language sql
stable
set jit to off
set enable_seqscan to off
as $$
  -- How many results come from a worker whose lease ended, so that somebody else holds the item by now.
  -- They are stored all the same, as they were paid for. The arrays are parallel.
  select count(*)
  from unnest(p_item_ids, p_workers) as given(id, worker)
  join gmaps_lookups as lookup on lookup.item_id = given.id and lookup.kind = p_kind
  where given.worker is not null
    and lookup.claimed_at is not null
    and lookup.due_at > now()
    and lookup.worker is distinct from given.worker;
$$;
