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
as $$
#variable_conflict use_column
declare
  v_limit int := coalesce(p_limit, 100);
  v_after_created_at timestamptz := coalesce(p_after_created_at, '-infinity');
  v_after_id uuid := coalesce(p_after_id, '00000000-0000-0000-0000-000000000000');
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

  -- Starts behind the last row of the page before, wherever that row is now: rows that left the
  -- queue in between shift nothing, and the index makes the last page as cheap as the first.
  if p_enrichment_type = 'facebook' then
    return query
    select
      business.id, business.campaign_id, business.place_id, business.name, business.address,
      business.city, business.state, business.postal_code, business.phone, business.website,
      business.email, business.facebook_url, business.linkedin_url, business.enrichment_status,
      business.enrichment_attempts, business.needs_enrichment, business.created_at
    from gmaps_businesses as business
    where business.campaign_id = p_campaign_id
      and business.needs_enrichment
      and business.enrichment_status = 'pending'
      and (business.created_at, business.id) > (v_after_created_at, v_after_id)
    order by business.created_at, business.id
    limit v_limit;
  else
    return query
    select
      business.id, business.campaign_id, business.place_id, business.name, business.address,
      business.city, business.state, business.postal_code, business.phone, business.website,
      business.email, business.facebook_url, business.linkedin_url, business.enrichment_status,
      business.enrichment_attempts, business.needs_enrichment, business.created_at
    from gmaps_businesses as business
    where business.campaign_id = p_campaign_id
      and not business.linkedin_enriched
      and (business.created_at, business.id) > (v_after_created_at, v_after_id)
    order by business.created_at, business.id
    limit v_limit;
  end if;
end;
$$;
