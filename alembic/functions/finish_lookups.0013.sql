create or replace function finish_lookups(p_kind text, p_item_ids uuid[])
returns void
language sql
set jit to off
set enable_seqscan to off
as $$
  -- Ends the leases of lookups that succeeded, whoever holds them.
  delete from gmaps_lookups as lookup
  where lookup.kind = p_kind and lookup.item_id = any (p_item_ids);
$$;
