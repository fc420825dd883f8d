create or replace function track_campaign_costs_batch(p_costs jsonb)
returns jsonb
language plpgsql
security definer
set search_path from current
set default_transaction_isolation to 'serializable'
-- Planned once a session: planning takes longer than a small batch.
set plan_cache_mode to force_generic_plan
set jit to off
set enable_seqscan to off
as $$
declare
  v_problem text;
  v_campaign_ids uuid[];
  v_locked_ids uuid[];
  v_totals numeric[];
  -- Whether the keys are looked up in the ledger, and what it has of them.
  v_is_repeated boolean := false;
  v_used jsonb := '[]'::jsonb;
  -- The ids of a batch differ in their last six digits, from 100000 on: they are neighbours in the
  -- index, and one that is made for each cost takes as long as writing it.
  v_id_head text := left(time_ordered_id()::text, 30);
  v_batch record;
  v_written bigint;
  v_context text;
begin
  v_problem := isolation_problem('track_campaign_costs_batch');
  if v_problem is not null then
    raise exception using errcode = '25001', message = v_problem;
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

  -- One writer of a campaign's totals at a time; several campaigns always in the same order. Read by
  -- the index, here and below (hence enable_seqscan): a scan reads all campaigns, as SERIALIZABLE
  -- sees it, and makes the writers of the others fail.
  v_campaign_ids := array(
    select distinct (item.cost ->> 'campaign_id')::uuid
    from jsonb_array_elements(p_costs) as item(cost)
  );
  select coalesce(array_agg(locked.id), '{}'), array_agg(locked.actual_cost)
  into v_locked_ids, v_totals
  from (
    select campaign.id, campaign.actual_cost
    from gmaps_campaigns as campaign
    where campaign.id = any (v_campaign_ids)
    order by campaign.id
    for no key update
  ) as locked;
  if cardinality(v_locked_ids) < cardinality(v_campaign_ids) then
    select format('p_costs[%s]: there is no campaign %s', item.position - 1, item.cost ->> 'campaign_id')
    into v_problem
    from jsonb_array_elements(p_costs) with ordinality as item(cost, position)
    where (item.cost ->> 'campaign_id')::uuid <> all (v_locked_ids)
    order by item.position
    limit 1;
    raise exception using errcode = '23503', message = v_problem;
  end if;

  -- Looking for keys in the ledger leaves predicate locks on its indexes, which make the batches of
  -- other campaigns fail. So all are written as if they were new; a used key violates the unique index,
  -- then all are looked up at once and all is done again. One by one, each cost would be a
  -- subtransaction and another version of the campaign's row. Where a large batch repeats another one
  -- or a part of it, writing a few of its costs tells so sooner; they are undone in any case.
  if jsonb_array_length(p_costs) >= 1000 then
    begin
      with tried as (
        insert into gmaps_api_costs (campaign_id, service, cost_usd, metadata)
        select (item.cost ->> 'campaign_id')::uuid, item.cost ->> 'service', 0, item.cost -> 'metadata'
        from generate_series(0, 15) as number
        cross join lateral (select p_costs -> ((jsonb_array_length(p_costs) - 1) * number / 15)) as item(cost)
        where item.cost #>> '{metadata,idempotency_key}' is not null
        returning id
      )
      select count(*) into v_written from tried;
      raise exception 'undone';
    exception
      when raise_exception then
        null;
      when unique_violation then
        v_is_repeated := true;
    end;
  end if;
  loop
    if v_is_repeated then
      v_used := coalesce(costs_by_key(p_costs), '[]');
    end if;
    begin
      -- What is written and what is answered. Arrays, as a cluster sends the rows of a WITH that an
      -- INSERT reads to all of its nodes.
      with given as materialized (
        select
          (v_id_head || to_hex(1048576 + item.position))::uuid as id,
          item.position,
          (item.cost ->> 'campaign_id')::uuid as campaign_id,
          item.cost ->> 'service' as service,
          (item.cost ->> 'items_processed')::numeric::int as items_processed,
          -- Rounded once, before all writes.
          round((item.cost ->> 'cost_usd')::numeric, 4) as cost_usd,
          coalesce(nullif(item.cost -> 'metadata', 'null'), '{}') as metadata,
          item.cost #>> '{metadata,idempotency_key}' as key
        from jsonb_array_elements(p_costs) with ordinality as item(cost, position)
      ),
      -- Of several costs with one key the first counts, unless the ledger has the key.
      keyed as materialized (
        select
          given.*,
          used.cost_id as used_id,
          used.running_total as used_total,
          used.payload as used_payload,
          first_value(given.id) over (
            partition by given.campaign_id, given.key, case when given.key is null then given.id end
            order by given.position
          ) as first_id
        from given
        left join jsonb_to_recordset(v_used)
          as used(campaign_id uuid, key text, cost_id uuid, running_total numeric, payload jsonb)
          on used.campaign_id = given.campaign_id and used.key = given.key
      ),
      entries as materialized (
        select
          keyed.*,
          campaign.actual_cost
            + sum(keyed.cost_usd) over (partition by keyed.campaign_id order by keyed.position)
            as running_total
        from keyed
        join unnest(v_locked_ids, v_totals) as campaign(id, actual_cost) on campaign.id = keyed.campaign_id
        where keyed.used_id is null and keyed.id = keyed.first_id
      ),
      answered as (
        select
          keyed.*,
          coalesce(keyed.used_id, first.id) as cost_id,
          coalesce(keyed.used_total, first.running_total) as new_total,
          keyed.used_id is not null or keyed.id <> keyed.first_id as replayed,
          coalesce(
            keyed.used_payload,
            cost_payload(first.service, first.items_processed, first.cost_usd, first.metadata)
          ) as payload
        from keyed
        left join entries as first on first.id = keyed.first_id
      )
      select answer.*, entry.*, total.* into v_batch
      from
        (
          select
            coalesce(
              jsonb_agg(
                jsonb_build_object(
                  'campaign_id', answered.campaign_id,
                  'cost_id', answered.cost_id,
                  'new_total', answered.new_total,
                  'service', answered.service,
                  'replayed', answered.replayed
                )
                order by answered.position
              ),
              '[]'
            ) as costs,
            min(answered.position) filter (
              where answered.replayed
                and answered.payload
                  <> cost_payload(answered.service, answered.items_processed, answered.cost_usd, answered.metadata)
            ) as differs
          from answered
        ) as answer,
        (
          select
            array_agg(entries.id) as ids,
            array_agg(entries.campaign_id) as campaign_ids,
            array_agg(entries.service) as services,
            array_agg(entries.items_processed) as items,
            array_agg(entries.cost_usd) as costs_usd,
            array_agg(entries.metadata) as metadata,
            array_agg(entries.running_total) as running_totals
          from entries
        ) as entry,
        (
          select
            array_agg(sums.campaign_id) as totalled_ids,
            array_agg(sums.actual) as actual,
            array_agg(sums.google_maps) as google_maps,
            array_agg(sums.facebook) as facebook,
            array_agg(sums.linkedin) as linkedin,
            array_agg(sums.bouncer) as bouncer
          from (
            select
              entries.campaign_id,
              sum(entries.cost_usd) as actual,
              coalesce(sum(entries.cost_usd) filter (where entries.service = 'google_maps'), 0) as google_maps,
              coalesce(sum(entries.cost_usd) filter (where entries.service = 'facebook'), 0) as facebook,
              coalesce(sum(entries.cost_usd) filter (where entries.service = 'linkedin'), 0) as linkedin,
              coalesce(sum(entries.cost_usd) filter (where entries.service = 'bouncer'), 0) as bouncer
            from entries
            group by entries.campaign_id
          ) as sums
        ) as total;

      with written as (
        insert into gmaps_api_costs (
          id, campaign_id, service, items_processed, cost_usd, metadata, running_total
        )
        select
          entry.id, entry.campaign_id, entry.service, entry.items_processed, entry.cost_usd,
          entry.metadata, entry.running_total
        from (
          select
            unnest(v_batch.ids) as id, unnest(v_batch.campaign_ids) as campaign_id,
            unnest(v_batch.services) as service, unnest(v_batch.items) as items_processed,
            unnest(v_batch.costs_usd) as cost_usd, unnest(v_batch.metadata) as metadata,
            unnest(v_batch.running_totals) as running_total
        ) as entry
        -- The ids are in the order of the costs.
        order by entry.id
        returning 1
      )
      select count(*) into strict v_written from written;

      update gmaps_campaigns as campaign
      set
        actual_cost = campaign.actual_cost + sums.actual,
        google_maps_cost = campaign.google_maps_cost + sums.google_maps,
        facebook_cost = campaign.facebook_cost + sums.facebook,
        linkedin_enrichment_cost = campaign.linkedin_enrichment_cost + sums.linkedin,
        bouncer_verification_cost = campaign.bouncer_verification_cost + sums.bouncer,
        updated_at = now()
      from unnest(
        v_batch.totalled_ids, v_batch.actual, v_batch.google_maps, v_batch.facebook, v_batch.linkedin,
        v_batch.bouncer
      ) as sums(campaign_id, actual, google_maps, facebook, linkedin, bouncer)
      where campaign.id = sums.campaign_id and campaign.id = any (v_campaign_ids);
      exit;
    exception
      when unique_violation then
        if v_is_repeated then
          -- Who took the key did so after this transaction's snapshot.
          raise exception using errcode = '40001', message = sqlerrm;
        end if;
        v_is_repeated := true;
    end;
  end loop;
  if v_batch.differs is not null then
    raise exception using
      errcode = '23505',
      message = format(
        'p_costs[%s]: p_metadata.idempotency_key was used before with another payload', v_batch.differs - 1
      );
  end if;

  return jsonb_build_object('success', true, 'costs', v_batch.costs);
exception
  when others then
    get stacked diagnostics v_context = pg_exception_context;
    return caught_failure(sqlstate, sqlerrm, v_context);
end;
$$;
