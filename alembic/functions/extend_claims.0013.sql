create or replace function extend_claims(p_campaign_id uuid, p_worker varchar, p_lease_seconds int)
returns jsonb
language plpgsql
security definer
set search_path from current
set jit to off
set enable_seqscan to off
as $$
declare
  v_now timestamptz := now();
  v_leased_until timestamptz;
  v_extended bigint;
  v_problem text := claim_problem(1, coalesce(p_worker, ''), p_lease_seconds, null);
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
  v_leased_until := v_now + make_interval(secs => p_lease_seconds);

  -- A lease that has ended is not extended: its item may be somebody else's, and what it reserved
  -- of the budget was given back.
  with extended as (
    update gmaps_lookups as lookup
    set due_at = v_leased_until
    where lookup.campaign_id = p_campaign_id
      and lookup.worker = p_worker
      and lookup.claimed_at is not null
      and lookup.due_at > v_now
    returning 1
  )
  select count(*) into v_extended from extended;
  return jsonb_build_object('success', true, 'extended', v_extended, 'leased_until', v_leased_until);
exception
  when others then
    get stacked diagnostics v_context = pg_exception_context;
    return caught_failure(sqlstate, sqlerrm, v_context);
end;
$$;
