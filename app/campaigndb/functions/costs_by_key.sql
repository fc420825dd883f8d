create or replace function costs_by_key(p_costs jsonb)
returns jsonb
language plpgsql
stable
set jit to off
set enable_seqscan to off
set enable_sort to off
as $$
begin
  -- The ledger's entries that have a key of these costs. Only the index of keys has the order that is
  -- asked for, hence enable_sort: where the statistics know small campaigns only, the planner would
  -- rather read all costs of the campaign, once for each key.
  return (
    select jsonb_agg(
      jsonb_build_object(
        'campaign_id', given.campaign_id,
        'key', given.key,
        'cost_id', entry.id,
        'running_total', entry.running_total,
        'payload', cost_payload(entry.service, entry.items_processed, entry.cost_usd, entry.metadata)
      )
    )
    from (
      select distinct
        (item.cost ->> 'campaign_id')::uuid as campaign_id,
        item.cost #>> '{metadata,idempotency_key}' as key
      from jsonb_array_elements(p_costs) as item(cost)
    ) as given
    cross join lateral (
      select cost.*
      from gmaps_api_costs as cost
      where cost.campaign_id = given.campaign_id
        and (cost.metadata ->> 'idempotency_key') between given.key and given.key
      order by cost.metadata ->> 'idempotency_key'
      limit 1
    ) as entry
  );
end;
$$;
