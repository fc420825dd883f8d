create or replace function get_businesses_for_enrichment_after(
  p_campaign_id uuid,
  p_enrichment_type varchar,
  p_after_created_at timestamptz default null,
  p_after_id uuid default null,
  p_limit int default 100
)
returns table (
  business_id uuid,
  campaign_id uuid,
  place_id text,
  name text,
  address text,
  city text,
  state text,
  postal_code text,
  phone text,
  website text,
  email text,
  facebook_url text,
  linkedin_url text,
  enrichment_status text,
  enrichment_attempts int,
  needs_enrichment boolean,
  created_at timestamptz
)
language plpgsql
stable
security definer
set search_path from current
set jit to off
set enable_seqscan to off
as $$
#variable_conflict use_column
declare
  v_limit int := coalesce(p_limit, 100);
  v_after_position bigint;
  v_problem text;
begin
  v_problem := queue_problem(p_enrichment_type, v_limit);
  if v_problem is not null then
    raise exception using errcode = '22023', message = v_problem;
  end if;
  if not exists (select from gmaps_campaigns as campaign where campaign.id = p_campaign_id) then
    raise exception using
      errcode = '23503', message = format('there is no campaign %s', coalesce(p_campaign_id::text, 'null'));
  end if;

  -- Starts behind the last row of the page before, wherever that row is now: rows that left the queue
  -- in between shift nothing, and the index makes the last page as cheap as the first. Its id says
  -- where; p_after_created_at is there for callers of earlier releases.
  select business.queue_position into v_after_position
  from gmaps_businesses as business
  where business.id = p_after_id;

  return query
  select
    queued.business_id, queued.campaign_id, queued.place_id, queued.name, queued.address, queued.city,
    queued.state, queued.postal_code, queued.phone, queued.website, queued.email,
    queued.facebook_url, queued.linkedin_url, queued.enrichment_status, queued.enrichment_attempts,
    queued.needs_enrichment, queued.created_at
  from due_businesses(
    p_campaign_id, p_enrichment_type, v_after_position, p_after_id, v_limit, 0
  ) as queued;
end;
$$;
