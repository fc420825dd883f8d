create or replace function get_campaign_leads(
  p_campaign_id uuid,
  p_filter jsonb default '{}',
  p_limit int default 1000,
  p_after_created_at timestamptz default null,
  p_after_id uuid default null
)
returns table (
  business_id uuid,
  campaign_id uuid,
  created_at timestamptz,
  place_id text,
  cid text,
  name text,
  address text,
  city text,
  state text,
  postal_code text,
  country text,
  zip_code text,
  latitude double precision,
  longitude double precision,
  phone text,
  facebook_phones text[],
  linkedin_phones text[],
  website text,
  email text,
  email_source text,
  email_verified boolean,
  bouncer_status text,
  bouncer_score numeric,
  is_safe boolean,
  is_disposable boolean,
  is_role_based boolean,
  is_free_email boolean,
  bouncer_verified_at timestamptz,
  category text,
  categories text[],
  description text,
  rating numeric,
  reviews_count int,
  price_level text,
  hours jsonb,
  business_status text,
  facebook_url text,
  linkedin_url text,
  instagram_url text,
  twitter_url text,
  page_name text,
  page_likes bigint,
  page_followers bigint,
  person_name text,
  person_title text,
  person_profile_url text,
  company_name text,
  icebreaker text,
  subject_line text,
  scraped_at timestamptz,
  changed_at timestamptz
)
language plpgsql
stable
security definer
set search_path from current
set plan_cache_mode to force_custom_plan
set jit to off
set enable_seqscan to off
set enable_sort to off
set enable_hashjoin to off
set enable_mergejoin to off
as $$
#variable_conflict use_column
declare
  v_filter jsonb := coalesce(nullif(p_filter, 'null'), '{}');
  v_limit int := coalesce(p_limit, 1000);
  v_after_created_at timestamptz := coalesce(p_after_created_at, '-infinity');
  v_after_id uuid := coalesce(p_after_id, '00000000-0000-0000-0000-000000000000');
  v_problem text;
  v_emails text;
  v_zip_codes text[];
  v_categories text[];
  v_min_rating numeric;
  v_since timestamptz;
  v_repeated uuid[];
begin
  v_problem := lead_filter_problem(v_filter);
  if v_problem is null and v_limit < 1 then
    v_problem := 'p_limit is less than 1';
  end if;
  if v_problem is null and (p_after_created_at is null) <> (p_after_id is null) then
    v_problem := 'p_after_created_at and p_after_id belong together: one of them is missing';
  end if;
  -- A position is a time and an id. One that another campaign gave would leave out leads of this one
  -- without a word. A business that was deleted meanwhile is still a good position.
  if v_problem is null and exists (
    select from gmaps_businesses as business
    where business.id = p_after_id and business.campaign_id <> p_campaign_id
  ) then
    v_problem := 'p_after_id is a business of another campaign';
  end if;
  if v_problem is not null then
    raise exception using errcode = '22023', message = v_problem;
  end if;
  if not exists (select from gmaps_campaigns as campaign where campaign.id = p_campaign_id) then
    raise exception using
      errcode = '23503', message = format('there is no campaign %s', coalesce(p_campaign_id::text, 'null'));
  end if;

  v_emails := coalesce(v_filter ->> 'emails', 'safe');
  v_min_rating := (v_filter ->> 'min_rating')::numeric;
  v_since := (v_filter ->> 'since')::timestamptz;
  if jsonb_typeof(v_filter -> 'zip_codes') in ('array', 'string') then
    v_zip_codes := text_list(v_filter -> 'zip_codes');
  end if;
  if jsonb_typeof(v_filter -> 'categories') in ('array', 'string') then
    v_categories := text_list(lower((v_filter -> 'categories')::text)::jsonb);
  end if;

  -- One lead an address: all but the first. A sort of two narrow columns, however many places share
  -- one address.
  if v_filter ->> 'duplicates' = 'drop' then
    select array_agg(numbered.id)
    into v_repeated
    from (
      select
        business.id,
        row_number() over (
          partition by lower(business.email) collate "C" order by business.created_at, business.id
        ) as number
      from gmaps_businesses as business
      where business.campaign_id = p_campaign_id
        and business.email is not null
        and is_lead(
          v_emails, business.email, business.is_safe, business.email_verified, business.business_status
        )
        and matches_lead_filter(
          v_zip_codes, v_categories, v_min_rating, v_since, business.zip_code, business.category,
          business.categories, business.rating, coalesce(business.email_chosen_at, business.updated_at)
        )
    ) as numbered
    where numbered.number > 1;
  end if;

  -- Each page starts behind the last lead of the page before. Only an index has the order (hence
  -- enable_sort): idx_businesses_safe_leads for what is asked for nearly always, which is known of a plan
  -- of its own. The enrichments are looked up by their unique keys, whatever the statistics say: the
  -- fences (offset 0) leave the planner no other join.
  return query
  select
    business.id, business.campaign_id, business.created_at, business.place_id, business.cid, business.name,
    business.address, business.city, business.state, business.postal_code, business.country,
    business.zip_code, business.latitude, business.longitude, business.phone,
    coalesce(facebook.phone_numbers, '{}'), coalesce(linkedin.phone_numbers, '{}'),
    business.website, business.email, business.email_source, business.email_verified,
    business.bouncer_status, business.bouncer_score, business.is_safe, business.is_disposable,
    business.is_role_based, business.is_free_email, business.bouncer_verified_at, business.category,
    business.categories, business.description, business.rating, business.reviews_count, business.price_level,
    business.hours, business.business_status, business.facebook_url, business.linkedin_url,
    business.instagram_url, business.twitter_url, facebook.page_name, facebook.page_likes,
    facebook.page_followers, linkedin.person_name, linkedin.person_title, linkedin.person_profile_url,
    linkedin.company_name, business.icebreaker, business.subject_line, business.scraped_at,
    coalesce(business.email_chosen_at, business.updated_at)
  from gmaps_businesses as business
  left join lateral (
    select
      array(
        select phone.number from unnest(found.phone_numbers) as phone(number)
        where not exists (
          select
          from gmaps_suppressions as listed
          where listed.kind = 'phone' and listed.value_hash = suppression_hash(phone_number(phone.number))
        )
      ) as phone_numbers,
      found.page_name, found.page_likes, found.page_followers
    from gmaps_facebook_enrichments as found
    where found.business_id = business.id
    offset 0
  ) as facebook on true
  left join lateral (
    select
      array(
        select phone.number from unnest(found.phone_numbers) as phone(number)
        where not exists (
          select
          from gmaps_suppressions as listed
          where listed.kind = 'phone' and listed.value_hash = suppression_hash(phone_number(phone.number))
        )
      ) as phone_numbers,
      found.person_name, found.person_title, found.person_profile_url, found.company_name
    from gmaps_linkedin_enrichments as found
    where found.business_id = business.id
    offset 0
  ) as linkedin on true
  where business.campaign_id = p_campaign_id
    and is_lead(
      v_emails, business.email, business.is_safe, business.email_verified, business.business_status
    )
    and matches_lead_filter(
      v_zip_codes, v_categories, v_min_rating, v_since, business.zip_code, business.category,
      business.categories, business.rating, coalesce(business.email_chosen_at, business.updated_at)
    )
    and (business.created_at, business.id) > (v_after_created_at, v_after_id)
    and business.id not in (select repeated.id from unnest(v_repeated) as repeated(id))
  order by business.created_at, business.id
  limit v_limit;
end;
$$;
