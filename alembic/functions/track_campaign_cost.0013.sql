create or replace function track_campaign_cost(
  p_campaign_id uuid,
  p_service varchar,
  p_items_processed int,
  p_cost_usd numeric,
  p_metadata jsonb default null
)
returns jsonb
language plpgsql
security definer
set search_path from current
set default_transaction_isolation to 'serializable'
set jit to off
set enable_seqscan to off
as $$
declare
  v_metadata jsonb := coalesce(nullif(p_metadata, 'null'), '{}');
  v_problem text;
  v_cost numeric;
  v_total numeric;
  v_cost_id uuid;
  v_first jsonb;
  v_context text;
begin
  v_problem := isolation_problem('track_campaign_cost');
  if v_problem is not null then
    raise exception using errcode = '25001', message = v_problem;
  end if;
  v_problem := cost_value_problem(p_service, p_items_processed, p_cost_usd, v_metadata);
  if v_problem is not null then
    raise exception using
      errcode = case v_problem when 'cost_usd is 1000000 or more' then '22003' else '22023' end,
      message = 'p_' || v_problem;
  end if;
  -- Rounded once, before both writes: two roundings would let total and ledger part.
  v_cost := round(p_cost_usd, 4);

  -- One writer of a campaign's totals at a time. Reached by the index (hence enable_seqscan): a
  -- scan reads all campaigns, as SERIALIZABLE sees it, and makes the writers of the others fail.
  update gmaps_campaigns as campaign
  set
    actual_cost = campaign.actual_cost + v_cost,
    google_maps_cost
      = campaign.google_maps_cost + case when p_service = 'google_maps' then v_cost else 0 end,
    facebook_cost
      = campaign.facebook_cost + case when p_service = 'facebook' then v_cost else 0 end,
    linkedin_enrichment_cost
      = campaign.linkedin_enrichment_cost + case when p_service = 'linkedin' then v_cost else 0 end,
    bouncer_verification_cost
      = campaign.bouncer_verification_cost + case when p_service = 'bouncer' then v_cost else 0 end,
    updated_at = now()
  where campaign.id = p_campaign_id
  returning campaign.actual_cost into v_total;
  if not found then
    raise exception using
      errcode = '23503', message = format('there is no campaign %s', coalesce(p_campaign_id::text, 'null'));
  end if;

  -- A repeated key violates the unique index; the exception block rolls the update back. Looking for
  -- the key beforehand would leave predicate locks that make the costs of other campaigns fail.
  insert into gmaps_api_costs (
    id, campaign_id, service, items_processed, cost_usd, metadata, running_total
  )
  values (
    time_ordered_id(), p_campaign_id, p_service, p_items_processed, v_cost, v_metadata, v_total
  )
  returning id into v_cost_id;

  return jsonb_build_object(
    'success', true,
    'cost_id', v_cost_id,
    'new_total', v_total,
    'service', p_service,
    'replayed', false,
    'message', 'Cost tracked'
  );
exception
  when unique_violation then
    begin
      v_first := costs_by_key(
        jsonb_build_array(jsonb_build_object('campaign_id', p_campaign_id, 'metadata', v_metadata))
      ) -> 0;
      if v_first is null then
        -- Who took the key did so after this transaction's snapshot.
        raise exception using errcode = '40001', message = sqlerrm;
      end if;
      if v_first -> 'payload' <> cost_payload(p_service, p_items_processed, v_cost, v_metadata) then
        raise exception using
          errcode = '23505',
          message = 'p_metadata.idempotency_key was used before with another payload';
      end if;
      return jsonb_build_object(
        'success', true,
        'cost_id', v_first -> 'cost_id',
        'new_total', v_first -> 'running_total',
        'service', p_service,
        'replayed', true,
        'message', 'Cost was tracked before'
      );
    exception
      when others then
        get stacked diagnostics v_context = pg_exception_context;
        return caught_failure(sqlstate, sqlerrm, v_context);
    end;
  when others then
    get stacked diagnostics v_context = pg_exception_context;
    return caught_failure(sqlstate, sqlerrm, v_context);
end;
$$;
