create or replace function update_campaign_budget(p_campaign_id uuid, p_budget_usd numeric)
returns jsonb
language plpgsql
security definer
set search_path from current
as $$
declare
  v_now timestamptz := now();
  v_spent numeric;
  v_reserved numeric;
  v_budget numeric := round(p_budget_usd, 4);
  v_context text;
begin
  -- NaN sorts above every number: the upper bound is what refuses it.
  if not coalesce(p_budget_usd >= 0 and p_budget_usd < 100000000000000, true) then
    raise exception using
      errcode = '22023', message = 'p_budget_usd is not between 0 and 99999999999999.9999, nor null for none';
  end if;

  -- Below what is spent already is allowed: it stops the campaign's claims at once.
  update gmaps_campaigns as campaign
  set budget_usd = v_budget, updated_at = v_now
  where campaign.id = p_campaign_id
  returning campaign.actual_cost into v_spent;
  if not found then
    raise exception using
      errcode = '23503', message = format('there is no campaign %s', coalesce(p_campaign_id::text, 'null'));
  end if;
  select coalesce(sum(lookup.reserved_usd), 0) into v_reserved
  from gmaps_lookups as lookup
  where lookup.campaign_id = p_campaign_id and lookup.reserved_usd > 0 and lookup.due_at > v_now;
  return jsonb_build_object(
    'success', true,
    'campaign_id', p_campaign_id,
    'budget_usd', v_budget,
    'spent', v_spent,
    'reserved', v_reserved,
    'budget_left', v_budget - v_spent - v_reserved
  );
exception
  when others then
    get stacked diagnostics v_context = pg_exception_context;
    return caught_failure(sqlstate, sqlerrm, v_context);
end;
$$;
