create or replace function open_claim(
  p_campaign_id uuid,
  p_limit int,
  p_worker text,
  p_lease_seconds int,
  p_unit_cost_usd numeric
)
returns table (
  campaign_status text,
  is_open boolean,
  affordable int,
  budget_left numeric,
  max_attempts int
)
language plpgsql
as $$
#variable_conflict use_variable
declare
  -- Taken once: a cluster evaluates no now() within COALESCE.
  v_now timestamptz := now();
  v_budget numeric;
  v_problem text := claim_problem(p_limit, p_worker, p_lease_seconds, p_unit_cost_usd);
begin
  -- What every claim begins with: its arguments, its campaign, its share of the budget.
  if v_problem is not null then
    raise exception using errcode = '22023', message = v_problem;
  end if;

  -- One claim of a campaign at a time. It lasts as long as one statement, and two claims can neither
  -- reserve the same dollar nor wait for each other's items.
  select campaign.status, campaign.budget_usd - campaign.actual_cost, campaign.max_lookup_attempts
  into campaign_status, v_budget, max_attempts
  from gmaps_campaigns as campaign
  where campaign.id = p_campaign_id
  for no key update;
  if not found then
    raise exception using
      errcode = '23503', message = format('there is no campaign %s', coalesce(p_campaign_id::text, 'null'));
  end if;

  is_open := campaign_status in ('draft', 'running');
  if campaign_status = 'draft' then
    update gmaps_campaigns as campaign
    set status = 'running', started_at = coalesce(campaign.started_at, v_now), updated_at = v_now
    where campaign.id = p_campaign_id;
    campaign_status := 'running';
  end if;

  affordable := p_limit;
  if v_budget is not null then
    budget_left := v_budget - (
      select coalesce(sum(lookup.reserved_usd), 0)
      from gmaps_lookups as lookup
      where lookup.campaign_id = p_campaign_id
        and lookup.reserved_usd > 0
        and lookup.due_at > now()
    );
    affordable := case
      when budget_left <= 0 then 0
      when coalesce(p_unit_cost_usd, 0) = 0 then p_limit
      else least(p_limit, trunc(budget_left / p_unit_cost_usd))::int
    end;
  end if;
  return next;
end;
$$;
