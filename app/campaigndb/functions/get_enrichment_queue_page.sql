create or replace function get_enrichment_queue_page(
  p_campaign_id uuid,
  p_enrichment_type varchar,
  p_limit int default 100,
  p_after_position bigint default null,
  p_after_id uuid default null
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
  queue_position bigint,
  complete_before bigint
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
  v_complete_before bigint := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
  v_problem text;
begin
  -- What an iterator reads. Positions are numbers of transactions: a later page can show rows of
  -- positions from complete_before on that this one could not see yet, because their transaction was
  -- still running. The iterator reads from there once more at its end.
  v_problem := queue_problem(p_enrichment_type, v_limit);
  if v_problem is not null then
    raise exception using errcode = '22023', message = v_problem;
  end if;
  if not exists (select from gmaps_campaigns as campaign where campaign.id = p_campaign_id) then
    raise exception using
      errcode = '23503', message = format('there is no campaign %s', coalesce(p_campaign_id::text, 'null'));
  end if;

  return query
  select
    queued.business_id, queued.campaign_id, queued.place_id, queued.name, queued.address, queued.city,
    queued.state, queued.postal_code, queued.phone, queued.website, queued.email,
    queued.facebook_url, queued.linkedin_url, queued.enrichment_status, queued.enrichment_attempts,
    queued.needs_enrichment, queued.queue_position, v_complete_before
  from due_businesses(
    p_campaign_id, p_enrichment_type, p_after_position, p_after_id, v_limit, 0
  ) as queued;
end;
$$;
