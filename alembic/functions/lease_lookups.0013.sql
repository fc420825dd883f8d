create or replace function lease_lookups(
  p_campaign_id uuid,
  p_kind text,
  p_item_ids uuid[],
  p_business_ids uuid[],
  p_worker text,
  p_leased_until timestamptz,
  p_unit_cost_usd numeric
)
returns uuid[]
language plpgsql
as $$
declare
  v_now timestamptz := now();
  v_leased uuid[];
begin
  -- The first claim of items; the arrays are parallel. An item that another campaign's claim took
  -- meanwhile, or that the list names twice, is leased once. In the order of the ids, so that two
  -- claims that want the same addresses wait for each other instead of deadlocking.
  with leased as (
    insert into gmaps_lookups (
      item_id, kind, campaign_id, business_id, due_at, claimed_at, worker, reserved_usd
    )
    select
      item.id, p_kind, p_campaign_id, item.business_id, p_leased_until, v_now, p_worker,
      coalesce(p_unit_cost_usd, 0)
    from unnest(p_item_ids, p_business_ids) as item(id, business_id)
    order by item.id
    on conflict do nothing
    returning item_id
  )
  select coalesce(array_agg(leased.item_id), '{}') into v_leased from leased;
  return v_leased;
end;
$$;
