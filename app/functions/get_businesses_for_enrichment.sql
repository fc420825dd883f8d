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
as $$
#variable_conflict use_column
declare
  v_limit int := coalesce(p_limit, 100);
  v_offset int := coalesce(p_offset, 0);
  v_problem text;
begin
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

  -- Each queue's condition is spelled out, so that its partial index serves it in order. What comes
  -- before the page is read in the index alone, and only the page's own rows are fetched; the inner
  -- OFFSET keeps them to one lookup by key each, however many the planner expects.
  if p_enrichment_type = 'facebook' then
    return query
    select
      business.id, business.campaign_id, business.place_id, business.name, business.address,
      business.city, business.state, business.postal_code, business.phone, business.website,
      business.email, business.facebook_url, business.linkedin_url, business.enrichment_status,
      business.enrichment_attempts, business.needs_enrichment
    from (
      select queued.id, queued.created_at
      from gmaps_businesses as queued
      where queued.campaign_id = p_campaign_id
        and queued.needs_enrichment
        and queued.enrichment_status = 'pending'
      order by queued.created_at, queued.id
      limit v_limit offset v_offset
    ) as page
    cross join lateral (
      select found.* from gmaps_businesses as found where found.id = page.id offset 0
    ) as business
    order by page.created_at, page.id;
  else
    return query
    select
      business.id, business.campaign_id, business.place_id, business.name, business.address,
      business.city, business.state, business.postal_code, business.phone, business.website,
      business.email, business.facebook_url, business.linkedin_url, business.enrichment_status,
      business.enrichment_attempts, business.needs_enrichment
    from (
      select queued.id, queued.created_at
      from gmaps_businesses as queued
      where queued.campaign_id = p_campaign_id
        and not queued.linkedin_enriched
      order by queued.created_at, queued.id
      limit v_limit offset v_offset
    ) as page
    cross join lateral (
      select found.* from gmaps_businesses as found where found.id = page.id offset 0
    ) as business
    order by page.created_at, page.id;
  end if;
end;
$$;
