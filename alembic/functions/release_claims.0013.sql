create or replace function release_claims(p_campaign_id uuid, p_worker varchar)
returns jsonb
language plpgsql
security definer
set search_path from current
set jit to off
set enable_seqscan to off
as $$
declare
  v_now timestamptz := now();
  v_released bigint;
  v_problem text := claim_problem(1, coalesce(p_worker, ''), 1, null);
  v_context text;
begin
  if v_problem is not null then
    raise exception using errcode = '22023', message = v_problem;
  end if;
  perform from gmaps_campaigns as campaign where campaign.id = p_campaign_id;
  if not found then
    raise exception using
      errcode = '23503', message = format('there is no campaign %s', coalesce(p_campaign_id::text, 'null'));
  end if;

  -- The items are due at once, and this was no attempt.
  with released as (
    update gmaps_lookups as lookup
    set due_at = v_now, claimed_at = null, worker = null, reserved_usd = 0
    where lookup.campaign_id = p_campaign_id
      and lookup.worker = p_worker
      and lookup.claimed_at is not null
    returning 1
  )
  select count(*) into v_released from released;
  return jsonb_build_object('success', true, 'released', v_released);
exception
  when others then
    get stacked diagnostics v_context = pg_exception_context;
    return caught_failure(sqlstate, sqlerrm, v_context);
end;
$$;
