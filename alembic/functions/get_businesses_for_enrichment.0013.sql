create or replace function get_businesses_for_enrichment(
  p_campaign_id uuid,
  p_enrichment_type varchar,
  p_limit int default 100,
  p_offset int default 0
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
  needs_enrichment boolean
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
  v_offset int := coalesce(p_offset, 0);
  v_problem text;
begin
  -- A page of a queue by its number. It holds what is due and held by nobody.
  v_problem := coalesce(
    queue_problem(p_enrichment_type, v_limit),
    case when v_offset < 0 then 'p_offset is negative' end
  );
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
    queued.needs_enrichment
  from due_businesses(
    p_campaign_id, p_enrichment_type, null, null, v_limit, v_offset
  ) as queued;
end;
$$;
