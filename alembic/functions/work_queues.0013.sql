create or replace function work_queues(p_campaign_id uuid)
returns table (
  campaign_id uuid,
  kind text,
  unfinished bigint,
  held bigint,
  lease_ended bigint,
  due bigint,
  waiting bigint,
  next_due_at timestamptz,
  failed bigint,
  reserved numeric
)
language plpgsql
stable
as $$
#variable_conflict use_column
begin
  -- How long each queue of a campaign is, and what keeps those of its items that are not due. Each
  -- queue's condition is spelled out as its partial index has it. Monitoring runs this query itself, of
  -- all campaigns, as its roles may execute no helper.
  return query
  select
    counted.campaign_id,
    counted.kind,
    sum(counted.unfinished)::bigint as unfinished,
    sum(counted.held)::bigint as held,
    sum(counted.lease_ended)::bigint as lease_ended,
    -- A business whose Facebook lookup was given up has left its queue.
    greatest(
      sum(
        counted.unfinished - counted.held - counted.waiting
        - case when counted.kind = 'facebook' then 0 else counted.failed end
      ),
      0
    )::bigint as due,
    sum(counted.waiting)::bigint as waiting,
    min(counted.next_due_at) as next_due_at,
    sum(counted.failed)::bigint as failed,
    sum(counted.reserved) as reserved
  from (
    select
      business.campaign_id,
      'facebook'::text as kind,
      count(*) as unfinished,
      0::bigint as held,
      0::bigint as lease_ended,
      0::bigint as waiting,
      null::timestamptz as next_due_at,
      0::bigint as failed,
      0::numeric as reserved
    from gmaps_businesses as business
    where business.needs_enrichment
      and business.enrichment_status = 'pending'
      and coalesce(business.business_status, 'operational') = 'operational'
    group by business.campaign_id
    union all
    select business.campaign_id, 'linkedin', count(*), 0, 0, 0, null, 0, 0
    from gmaps_businesses as business
    where not business.linkedin_enriched
      and coalesce(business.business_status, 'operational') = 'operational'
    group by business.campaign_id
    union all
    select business.campaign_id, 'verification', count(*), 0, 0, 0, null, 0, 0
    from gmaps_businesses as business
    where business.email is not null
      and coalesce(business.bouncer_status, 'unknown') = 'unknown'
      and coalesce(business.business_status, 'operational') = 'operational'
    group by business.campaign_id
    union all
    select coverage.campaign_id, 'coverage', count(*), 0, 0, 0, null, 0, 0
    from gmaps_campaign_coverage as coverage
    where not coverage.scraped
    group by coverage.campaign_id
    union all
    select
      lookup.campaign_id,
      lookup.kind,
      0,
      count(*) filter (where lookup.claimed_at is not null and lookup.due_at > now()),
      count(*) filter (where lookup.claimed_at is not null and lookup.due_at <= now()),
      count(*) filter (
        where lookup.claimed_at is null and lookup.due_at > now() and lookup.due_at < 'infinity'
      ),
      min(lookup.due_at) filter (
        where lookup.claimed_at is null and lookup.due_at > now() and lookup.due_at < 'infinity'
      ),
      count(*) filter (where lookup.due_at = 'infinity'),
      coalesce(sum(lookup.reserved_usd) filter (where lookup.due_at > now()), 0)
    from gmaps_lookups as lookup
    group by lookup.campaign_id, lookup.kind
  ) as counted
  where counted.campaign_id = p_campaign_id
  group by counted.campaign_id, counted.kind;
end;
$$;
