create or replace function update_campaign_status(p_campaign_id uuid, p_status varchar)
returns jsonb
language plpgsql
security definer
set search_path from current
as $$
declare
  v_now timestamptz := now();
  v_campaign gmaps_campaigns%rowtype;
  v_context text;
begin
  if not coalesce(p_status in ('draft', 'running', 'paused', 'completed', 'failed'), false) then
    raise exception using
      errcode = '22023', message = 'p_status is not one of draft, running, paused, completed, failed';
  end if;

  -- Said again, it changes nothing, its times least of all.
  update gmaps_campaigns as campaign
  set
    status = p_status,
    started_at = case
      when p_status = 'running' then coalesce(campaign.started_at, v_now) else campaign.started_at
    end,
    completed_at = case when p_status in ('completed', 'failed') then v_now end,
    updated_at = v_now
  where campaign.id = p_campaign_id and campaign.status <> p_status;
  select campaign.* into v_campaign
  from gmaps_campaigns as campaign
  where campaign.id = p_campaign_id;
  if not found then
    raise exception using
      errcode = '23503', message = format('there is no campaign %s', coalesce(p_campaign_id::text, 'null'));
  end if;
  return jsonb_build_object(
    'success', true,
    'campaign_id', p_campaign_id,
    'status', v_campaign.status,
    'started_at', v_campaign.started_at,
    'completed_at', v_campaign.completed_at
  );
exception
  when others then
    get stacked diagnostics v_context = pg_exception_context;
    return caught_failure(sqlstate, sqlerrm, v_context);
end;
$$;
