create or replace function get_work_status(p_campaign_id uuid, p_limit int default 100)
returns jsonb
language plpgsql
stable
security definer
set search_path from current
set jit to off
set enable_seqscan to off
as $$
declare
  v_now timestamptz := now();
  v_campaign gmaps_campaigns%rowtype;
  v_leases jsonb;
  v_queues jsonb;
  v_failed jsonb;
  v_reserved numeric;
  v_context text;
begin
  if not coalesce(p_limit between 0 and 10000, false) then
    raise exception using errcode = '22023', message = 'p_limit is not between 0 and 10000';
  end if;
  select campaign.* into v_campaign from gmaps_campaigns as campaign where campaign.id = p_campaign_id;
  if not found then
    raise exception using
      errcode = '23503', message = format('there is no campaign %s', coalesce(p_campaign_id::text, 'null'));
  end if;

  -- Who holds what, since when, until when.
  select coalesce(jsonb_agg(to_jsonb(lease) order by lease.kind, lease.claimed_at, lease.worker), '[]')
  into v_leases
  from (
    select
      lookup.kind,
      lookup.worker,
      count(*) as held,
      min(lookup.claimed_at) as claimed_at,
      min(lookup.due_at) as leased_until,
      sum(lookup.reserved_usd) as reserved
    from gmaps_lookups as lookup
    where lookup.campaign_id = p_campaign_id and lookup.claimed_at is not null and lookup.due_at > v_now
    group by lookup.kind, lookup.worker
    order by lookup.kind, min(lookup.claimed_at)
    limit p_limit
  ) as lease;

  -- How long each queue is, and when what waits in it is due.
  select jsonb_agg(to_jsonb(queue) order by queue.kind), sum(queue.reserved)
  into v_queues, v_reserved
  from (
    select
      kind.name as kind,
      coalesce(found.unfinished, 0) as unfinished,
      coalesce(found.held, 0) as held,
      coalesce(found.lease_ended, 0) as lease_ended,
      coalesce(found.due, 0) as due,
      coalesce(found.waiting, 0) as waiting,
      found.next_due_at,
      coalesce(found.failed, 0) as failed,
      coalesce(found.reserved, 0) as reserved
    from (values ('facebook'), ('linkedin'), ('verification'), ('coverage')) as kind(name)
    left join (
      select counted.* from work_queues(p_campaign_id) as counted
    ) as found on found.kind = kind.name
  ) as queue;

  -- What was given up, and why.
  select coalesce(jsonb_agg(to_jsonb(failure)), '[]')
  into v_failed
  from (
    select
      lookup.kind,
      case when lookup.kind <> 'coverage' then coalesce(lookup.business_id, lookup.item_id) end
        as business_id,
      coverage.zip_code,
      lookup.attempts,
      lookup.failed_reason as reason
    from gmaps_lookups as lookup
    left join gmaps_campaign_coverage as coverage
      on lookup.kind = 'coverage' and coverage.id = lookup.item_id
    where lookup.campaign_id = p_campaign_id and lookup.due_at = 'infinity'
    order by lookup.kind, lookup.item_id
    limit p_limit
  ) as failure;

  return jsonb_build_object(
    'success', true,
    'campaign_id', p_campaign_id,
    'status', v_campaign.status,
    'budget_usd', v_campaign.budget_usd,
    'spent', v_campaign.actual_cost,
    'reserved', v_reserved,
    'budget_left', v_campaign.budget_usd - v_campaign.actual_cost - v_reserved,
    'leases', v_leases,
    'queues', v_queues,
    'failed', v_failed
  );
exception
  when others then
    get stacked diagnostics v_context = pg_exception_context;
    return caught_failure(sqlstate, sqlerrm, v_context);
end;
$$;
