create or replace function cost_problem(p_cost jsonb)
returns text
language sql
immutable
parallel safe
as $$
  -- The first thing that keeps one cost of a batch from being tracked, or null.
  select case
    when jsonb_typeof(p_cost) <> 'object' then 'not a JSON object'
    else coalesce(
      case when p_cost ->> 'campaign_id' is null then 'campaign_id is missing' end,
      field_problem(p_cost, 'campaign_id', 'uuid'),
      case when p_cost ->> 'service' is null then 'service is missing' end,
      field_problem(p_cost, 'service', 'text'),
      case when p_cost ->> 'items_processed' is null then 'items_processed is missing' end,
      field_problem(p_cost, 'items_processed', 'count'),
      case when p_cost ->> 'cost_usd' is null then 'cost_usd is missing' end,
      field_problem(p_cost, 'cost_usd', 'number'),
      cost_value_problem(
        p_cost ->> 'service',
        (p_cost ->> 'items_processed')::numeric::int,
        (p_cost ->> 'cost_usd')::numeric,
        p_cost -> 'metadata'
      )
    )
  end;
$$;
