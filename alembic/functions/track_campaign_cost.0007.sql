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
set enable_seqscan to off
as $$
declare
  v_metadata jsonb := coalesce(nullif(p_metadata, 'null'), '{}');
  v_key text;
  v_cost numeric;
  v_total numeric;
  v_cost_id uuid;
  v_first gmaps_api_costs%rowtype;
begin
  -- The function's own setting only reaches callers whose server hoists it; a plain SELECT runs
  -- at the level of the transaction it is in.
  if current_setting('transaction_isolation') <> 'serializable' then
    raise exception using
      errcode = '25001',
      message = 'track_campaign_cost runs in a SERIALIZABLE transaction only, not in '
        || upper(current_setting('transaction_isolation'));
  end if;

  if not coalesce(p_service in ('google_maps', 'facebook', 'linkedin', 'bouncer'), false) then
    raise exception using
      errcode = '22023', message = 'p_service is not one of google_maps, facebook, linkedin, bouncer';
  end if;
  if coalesce(p_items_processed, -1) < 0 then
    raise exception using errcode = '22023', message = 'p_items_processed is missing or negative';
  end if;
  -- NaN sorts above every number: the upper bound is what refuses it.
  if not coalesce(p_cost_usd >= 0 and p_cost_usd < 'Infinity', false) then
    raise exception using errcode = '22023', message = 'p_cost_usd is not a finite amount of 0 or more';
  end if;
  -- Rounded once, before both writes: two roundings would let total and ledger part.
  v_cost := round(p_cost_usd, 4);
  if v_cost >= 1000000 then
    raise exception using errcode = '22003', message = 'p_cost_usd is 1000000 or more';
  end if;
  if jsonb_typeof(v_metadata) <> 'object' then
    raise exception using errcode = '22023', message = 'p_metadata is not a JSON object';
  end if;
  v_key := v_metadata ->> 'idempotency_key';
  if idempotency_key_problem(v_metadata) is not null then
    raise exception using
      errcode = '22023', message = 'p_' || idempotency_key_problem(v_metadata);
  end if;

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

  -- The unique index finds a repeated key, which undoes the update. Looking for it beforehand would
  -- leave predicate locks that make the costs of other campaigns fail.
  insert into gmaps_api_costs (
    campaign_id, service, items_processed, cost_usd, metadata, running_total
  )
  values (p_campaign_id, p_service, p_items_processed, v_cost, v_metadata, v_total)
  returning id into v_cost_id;

  return jsonb_build_object(
    'success', true,
    'cost_id', v_cost_id,
    'new_total', v_total,
    'service', p_service,
    'replayed', false
  );
exception
  when unique_violation then
    begin
      select cost.* into v_first
      from gmaps_api_costs as cost
      where cost.campaign_id = p_campaign_id and (cost.metadata ->> 'idempotency_key') = v_key;
      if not found then
        -- Who took the key did so after this transaction's snapshot.
        raise exception using errcode = '40001', message = sqlerrm;
      end if;
      if (v_first.service, v_first.items_processed, v_first.cost_usd, v_first.metadata)
        is distinct from (p_service::text, p_items_processed, v_cost, v_metadata)
      then
        raise exception using
          errcode = '23505',
          message = 'p_metadata.idempotency_key was used before with another payload';
      end if;
      return jsonb_build_object(
        'success', true,
        'cost_id', v_first.id,
        'new_total', v_first.running_total,
        'service', v_first.service,
        'replayed', true
      );
    exception
      when others then
        return stored_function_failure(sqlstate, sqlerrm);
    end;
  when others then
    return stored_function_failure(sqlstate, sqlerrm);
end;
$$;
