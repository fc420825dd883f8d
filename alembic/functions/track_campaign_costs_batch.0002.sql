create or replace function track_campaign_costs_batch(p_costs jsonb)
returns jsonb
language plpgsql
security definer
set search_path from current
set default_transaction_isolation to 'serializable'
set enable_seqscan to off
as $$
declare
  v_problem text;
  v_campaign_ids uuid[];
  v_costs jsonb := '[]'::jsonb;
  v_item record;
  v_one jsonb;
  v_replies jsonb[] := '{}'::jsonb[];
begin
  if current_setting('transaction_isolation') <> 'serializable' then
    raise exception using
      errcode = '25001',
      message = 'track_campaign_costs_batch runs in a SERIALIZABLE transaction only, not in '
        || upper(current_setting('transaction_isolation'));
  end if;
  if coalesce(jsonb_typeof(p_costs), 'null') <> 'array' then
    raise exception using errcode = '22023', message = 'p_costs is not a JSON array';
  end if;

  -- All or none: the first bad cost refuses them all.
  select format('p_costs[%s]: %s', item.position - 1, cost_problem(item.cost))
  into v_problem
  from jsonb_array_elements(p_costs) with ordinality as item(cost, position)
  where cost_problem(item.cost) is not null
  order by item.position
  limit 1;
  if v_problem is not null then
    raise exception using errcode = '22023', message = v_problem;
  end if;

  -- Named to every query below, which then reads them by the index (hence enable_seqscan): a scan
  -- reads all campaigns, as SERIALIZABLE sees it, and makes the writers of the others fail.
  select array_agg(distinct (item.cost ->> 'campaign_id')::uuid)
  into v_campaign_ids
  from jsonb_array_elements(p_costs) as item(cost);

  -- One writer of a campaign's totals at a time; several campaigns always in the same order.
  perform
  from gmaps_campaigns as campaign
  where campaign.id = any (v_campaign_ids)
  order by campaign.id
  for no key update;

  select format(
    'p_costs[%s]: there is no campaign %s', item.position - 1, item.cost ->> 'campaign_id'
  )
  into v_problem
  from jsonb_array_elements(p_costs) with ordinality as item(cost, position)
  left join gmaps_campaigns as campaign
    on campaign.id = (item.cost ->> 'campaign_id')::uuid and campaign.id = any (v_campaign_ids)
  where campaign.id is null
  order by item.position
  limit 1;
  if v_problem is not null then
    raise exception using errcode = '23503', message = v_problem;
  end if;

  -- One statement, as if no key had been used before; the unique index says whether that is so.
  -- Looking for the keys beforehand would leave predicate locks on the ledger's indexes, which
  -- make the batches of other campaigns fail.
  begin
    with given as materialized (
      select
        gen_random_uuid() as id,
        item.position,
        (item.cost ->> 'campaign_id')::uuid as campaign_id,
        item.cost ->> 'service' as service,
        (item.cost ->> 'items_processed')::numeric::int as items_processed,
        -- Rounded once, before all writes.
        round((item.cost ->> 'cost_usd')::numeric, 4) as cost_usd,
        coalesce(nullif(item.cost -> 'metadata', 'null'), '{}') as metadata
      from jsonb_array_elements(p_costs) with ordinality as item(cost, position)
    ),
    entries as materialized (
      select
        given.*,
        campaign.actual_cost
          + sum(given.cost_usd) over (partition by given.campaign_id order by given.position)
          as running_total
      from given
      join gmaps_campaigns as campaign
        on campaign.id = given.campaign_id and campaign.id = any (v_campaign_ids)
    ),
    written as (
      insert into gmaps_api_costs (
        id, campaign_id, service, items_processed, cost_usd, metadata, running_total
      )
      select
        entries.id, entries.campaign_id, entries.service, entries.items_processed,
        entries.cost_usd, entries.metadata, entries.running_total
      from entries
      order by entries.position
    ),
    totalled as (
      update gmaps_campaigns as campaign
      set
        actual_cost = campaign.actual_cost + sums.actual,
        google_maps_cost = campaign.google_maps_cost + sums.google_maps,
        facebook_cost = campaign.facebook_cost + sums.facebook,
        linkedin_enrichment_cost = campaign.linkedin_enrichment_cost + sums.linkedin,
        bouncer_verification_cost = campaign.bouncer_verification_cost + sums.bouncer,
        updated_at = now()
      from (
        select
          given.campaign_id,
          sum(given.cost_usd) as actual,
          sum(case when given.service = 'google_maps' then given.cost_usd else 0 end) as google_maps,
          sum(case when given.service = 'facebook' then given.cost_usd else 0 end) as facebook,
          sum(case when given.service = 'linkedin' then given.cost_usd else 0 end) as linkedin,
          sum(case when given.service = 'bouncer' then given.cost_usd else 0 end) as bouncer
        from given
        group by given.campaign_id
      ) as sums
      where campaign.id = sums.campaign_id and campaign.id = any (v_campaign_ids)
    )
    select coalesce(
      jsonb_agg(
        jsonb_build_object(
          'campaign_id', entries.campaign_id,
          'cost_id', entries.id,
          'new_total', entries.running_total,
          'service', entries.service,
          'replayed', false
        )
        order by entries.position
      ),
      '[]'
    )
    into v_costs
    from entries;
  exception
    when unique_violation then
      v_costs := null;
  end;

  -- Some key was used before: one by one, by the rules of a single cost.
  if v_costs is null then
    for v_item in
      select item.cost, item.position
      from jsonb_array_elements(p_costs) with ordinality as item(cost, position)
      order by item.position
    loop
      v_one := track_campaign_cost(
        (v_item.cost ->> 'campaign_id')::uuid,
        v_item.cost ->> 'service',
        (v_item.cost ->> 'items_processed')::numeric::int,
        (v_item.cost ->> 'cost_usd')::numeric,
        v_item.cost -> 'metadata'
      );
      if not (v_one ->> 'success')::boolean then
        raise exception using
          errcode = v_one ->> 'error_code',
          message = format('p_costs[%s]: %s', v_item.position - 1, v_one ->> 'error_detail');
      end if;
      -- Into an array: appending to JSON copies all of it every time.
      v_replies := v_replies
        || (v_one - 'success' || jsonb_build_object('campaign_id', v_item.cost -> 'campaign_id'));
    end loop;
    v_costs := to_jsonb(v_replies);
  end if;

  return jsonb_build_object('success', true, 'costs', v_costs);
exception
  when others then
    return stored_function_failure(sqlstate, sqlerrm);
end;
$$;
