create or replace function update_enrichment_batch(p_enrichment_type varchar, p_enrichments jsonb)
returns jsonb
language plpgsql
security definer
set search_path from current
as $$
declare
  -- Taken once: not every cluster evaluates now() inside DO UPDATE.
  v_now timestamptz := now();
  v_business_ids uuid[];
  v_campaign_ids uuid[];
  v_updated bigint;
  v_superseded bigint;
  v_failures jsonb;
begin
  if not coalesce(p_enrichment_type in ('facebook', 'linkedin'), false) then
    raise exception using
      errcode = '22023', message = 'p_enrichment_type is not one of facebook, linkedin';
  end if;
  if coalesce(jsonb_typeof(p_enrichments), 'null') <> 'array' then
    raise exception using errcode = '22023', message = 'p_enrichments is not a JSON array';
  end if;

  v_business_ids := array(
    select (item.value ->> 'business_id')::uuid
    from jsonb_array_elements(p_enrichments) as item(value)
    where jsonb_typeof(item.value) = 'object'
      and item.value ->> 'business_id' is not null
      and field_problem(item.value, 'business_id', 'uuid') is null
  );

  -- The lock that the foreign key takes anyway, taken before any business is locked: a campaign that
  -- is being deleted waits for its businesses, and they must not wait for it.
  v_campaign_ids := array(
    select distinct business.campaign_id
    from gmaps_businesses as business
    where business.id in (select given.id from unnest(v_business_ids) as given(id))
  );
  perform
  from gmaps_campaigns as campaign
  where campaign.id = any (v_campaign_ids)
  order by campaign.id
  for key share;

  -- Locked in the order of place_id, so overlapping batches wait instead of deadlocking; the
  -- statement below then sees each business as its last writer left it.
  perform
  from gmaps_businesses as business
  where business.id in (select given.id from unnest(v_business_ids) as given(id))
  order by business.place_id
  for no key update;

  with given as materialized (
    select
      (element.position - 1)::int as index,
      element.item,
      enrichment_problem(p_enrichment_type, element.item) as problem
    from jsonb_array_elements(p_enrichments) with ordinality as element(item, position)
  ),
  judged as materialized (
    select
      given.index,
      given.item,
      business.id as business_id,
      business.campaign_id,
      business.place_id,
      coalesce(
        given.problem, case when business.id is null then 'there is no such business' end
      ) as problem
    from given
    left join gmaps_businesses as business
      on business.id = case when given.problem is null then (given.item ->> 'business_id')::uuid end
  ),
  -- Of several items for one business the last wins.
  latest as materialized (
    select distinct on (judged.place_id) judged.*, reading.*
    from judged, lateral read_enrichment(p_enrichment_type, judged.item) as reading
    where judged.problem is null
    order by judged.place_id, judged.index desc
  ),
  -- Only the table of the batch's own type is written. An item with the idempotency key of the
  -- current row was applied before: it writes nothing and counts as no further attempt.
  stored_facebook as (
    insert into gmaps_facebook_enrichments as enrichment (
      business_id, campaign_id, facebook_url, page_name, page_likes, page_followers, emails,
      primary_email, email_sources, phone_numbers, addresses, success, error_message, raw_data
    )
    select
      latest.business_id,
      latest.campaign_id,
      scraped_text(latest.item ->> 'facebook_url'),
      scraped_text(latest.item ->> 'page_name'),
      (latest.item ->> 'page_likes')::numeric::bigint,
      (latest.item ->> 'page_followers')::numeric::bigint,
      text_list(latest.item -> 'emails'),
      latest.primary_email,
      text_list(latest.item -> 'email_sources'),
      text_list(latest.item -> 'phone_numbers'),
      text_list(latest.item -> 'addresses'),
      latest.success,
      scraped_text(latest.item ->> 'error_message'),
      latest.item
    from latest
    where p_enrichment_type = 'facebook'
    order by latest.place_id
    on conflict (business_id) do update
    set
      facebook_url = coalesce(excluded.facebook_url, enrichment.facebook_url),
      page_name = coalesce(excluded.page_name, enrichment.page_name),
      page_likes = coalesce(excluded.page_likes, enrichment.page_likes),
      page_followers = coalesce(excluded.page_followers, enrichment.page_followers),
      emails = case when excluded.emails = '{}' then enrichment.emails else excluded.emails end,
      email_sources = case
        when excluded.email_sources = '{}' then enrichment.email_sources
        else excluded.email_sources
      end,
      phone_numbers = case
        when excluded.phone_numbers = '{}' then enrichment.phone_numbers
        else excluded.phone_numbers
      end,
      addresses = case
        when excluded.addresses = '{}' then enrichment.addresses else excluded.addresses
      end,
      -- Another email makes what was verified of the old one void.
      (
        primary_email, email_verified, bouncer_status, bouncer_score, is_safe, is_disposable,
        is_role_based, is_free_email, bouncer_verified_at
      ) = (
        select
          coalesce(excluded.primary_email, enrichment.primary_email),
          enrichment.email_verified and not email.changes,
          case when not email.changes then enrichment.bouncer_status end,
          case when not email.changes then enrichment.bouncer_score end,
          case when not email.changes then enrichment.is_safe end,
          case when not email.changes then enrichment.is_disposable end,
          case when not email.changes then enrichment.is_role_based end,
          case when not email.changes then enrichment.is_free_email end,
          case when not email.changes then enrichment.bouncer_verified_at end
        from (
          select is_another_email(enrichment.primary_email, excluded.primary_email) as changes
        ) as email
      ),
      success = excluded.success,
      error_message = excluded.error_message,
      raw_data = excluded.raw_data,
      scraped_at = v_now
    where
      excluded.raw_data ->> 'idempotency_key' is null
      or excluded.raw_data ->> 'idempotency_key'
        is distinct from enrichment.raw_data ->> 'idempotency_key'
    returning enrichment.business_id
  ),
  stored_linkedin as (
    insert into gmaps_linkedin_enrichments as enrichment (
      business_id, campaign_id, linkedin_url, profile_type, person_name, person_title,
      person_profile_url, company_name, location, connections, emails_found, emails_generated,
      primary_email, email_source, phone_numbers, email_quality_tier, success, error_message,
      raw_data
    )
    select
      latest.business_id,
      latest.campaign_id,
      scraped_text(latest.item ->> 'linkedin_url'),
      latest.item ->> 'profile_type',
      scraped_text(latest.item ->> 'person_name'),
      scraped_text(latest.item ->> 'person_title'),
      scraped_text(latest.item ->> 'person_profile_url'),
      scraped_text(latest.item ->> 'company_name'),
      scraped_text(latest.item ->> 'location'),
      (latest.item ->> 'connections')::numeric::int,
      text_list(latest.item -> 'emails_found'),
      text_list(latest.item -> 'emails_generated'),
      latest.primary_email,
      latest.item ->> 'email_source',
      text_list(latest.item -> 'phone_numbers'),
      scraped_text(latest.item ->> 'email_quality_tier'),
      latest.success,
      scraped_text(latest.item ->> 'error_message'),
      latest.item
    from latest
    where p_enrichment_type = 'linkedin'
    order by latest.place_id
    on conflict (business_id) do update
    set
      linkedin_url = coalesce(excluded.linkedin_url, enrichment.linkedin_url),
      profile_type = coalesce(excluded.profile_type, enrichment.profile_type),
      person_name = coalesce(excluded.person_name, enrichment.person_name),
      person_title = coalesce(excluded.person_title, enrichment.person_title),
      person_profile_url = coalesce(excluded.person_profile_url, enrichment.person_profile_url),
      company_name = coalesce(excluded.company_name, enrichment.company_name),
      location = coalesce(excluded.location, enrichment.location),
      connections = coalesce(excluded.connections, enrichment.connections),
      emails_found = case
        when excluded.emails_found = '{}' then enrichment.emails_found
        else excluded.emails_found
      end,
      emails_generated = case
        when excluded.emails_generated = '{}' then enrichment.emails_generated
        else excluded.emails_generated
      end,
      email_source = coalesce(excluded.email_source, enrichment.email_source),
      phone_numbers = case
        when excluded.phone_numbers = '{}' then enrichment.phone_numbers
        else excluded.phone_numbers
      end,
      email_quality_tier = coalesce(excluded.email_quality_tier, enrichment.email_quality_tier),
      (
        primary_email, email_verified, bouncer_status, bouncer_score, is_safe, is_disposable,
        is_role_based, is_free_email, bouncer_verified_at
      ) = (
        select
          coalesce(excluded.primary_email, enrichment.primary_email),
          enrichment.email_verified and not email.changes,
          case when not email.changes then enrichment.bouncer_status end,
          case when not email.changes then enrichment.bouncer_score end,
          case when not email.changes then enrichment.is_safe end,
          case when not email.changes then enrichment.is_disposable end,
          case when not email.changes then enrichment.is_role_based end,
          case when not email.changes then enrichment.is_free_email end,
          case when not email.changes then enrichment.bouncer_verified_at end
        from (
          select is_another_email(enrichment.primary_email, excluded.primary_email) as changes
        ) as email
      ),
      success = excluded.success,
      error_message = excluded.error_message,
      raw_data = excluded.raw_data,
      enriched_at = v_now,
      updated_at = v_now
    where
      excluded.raw_data ->> 'idempotency_key' is null
      or excluded.raw_data ->> 'idempotency_key'
        is distinct from enrichment.raw_data ->> 'idempotency_key'
    returning enrichment.business_id
  ),
  stored as (
    select stored_facebook.business_id from stored_facebook
    union all
    select stored_linkedin.business_id from stored_linkedin
  ),
  applied as (
    update gmaps_businesses as business
    set
      (
        email, email_source, email_verified, bouncer_status, bouncer_score, is_safe,
        is_disposable, is_role_based, is_free_email, bouncer_verified_at
      ) = (
        select
          case when replaces.email then latest.primary_email else business.email end,
          case when replaces.email then p_enrichment_type else business.email_source end,
          business.email_verified and not replaces.verification,
          case when not replaces.verification then business.bouncer_status end,
          case when not replaces.verification then business.bouncer_score end,
          case when not replaces.verification then business.is_safe end,
          case when not replaces.verification then business.is_disposable end,
          case when not replaces.verification then business.is_role_based end,
          case when not replaces.verification then business.is_free_email end,
          case when not replaces.verification then business.bouncer_verified_at end
        from (
          select
            better.email,
            better.email and is_another_email(business.email, latest.primary_email) as verification
          from (
            select latest.primary_email is not null
              and email_source_rank(p_enrichment_type) >= email_source_rank(business.email_source)
              as email
          ) as better
        ) as replaces
      ),
      facebook_url = coalesce(
        case when p_enrichment_type = 'facebook' then scraped_text(latest.item ->> 'facebook_url') end,
        business.facebook_url
      ),
      linkedin_url = coalesce(
        case when p_enrichment_type = 'linkedin' then scraped_text(latest.item ->> 'linkedin_url') end,
        business.linkedin_url
      ),
      -- A failed second look does not undo what the first one found.
      enrichment_status = case
        when p_enrichment_type <> 'facebook' then business.enrichment_status
        when business.enrichment_status = 'enriched' and not latest.success
          then business.enrichment_status
        else latest.enrichment_status
      end,
      needs_enrichment = case
        when p_enrichment_type <> 'facebook' then business.needs_enrichment
        else business.needs_enrichment
          and latest.enrichment_status not in ('enriched', 'no_facebook')
      end,
      linkedin_enriched = business.linkedin_enriched
        or (p_enrichment_type = 'linkedin' and latest.success),
      enrichment_attempts = business.enrichment_attempts + 1,
      last_enrichment_attempt = v_now,
      updated_at = v_now
    from latest
    where business.id = latest.business_id
      -- A hashed look-up. As a join of two sets whose size the planner does not know, it was a
      -- nested loop, and a batch took the square of its length.
      and (latest.business_id in (select stored.business_id from stored)) is true
  )
  select
    (select count(*) from latest),
    (select count(*) from judged where judged.problem is null) - (select count(*) from latest),
    (
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'index', judged.index,
            -- Not what is no id anyway: it can be as large and as deep as a whole document.
            'business_id', case
              when jsonb_typeof(judged.item -> 'business_id') in ('string', 'number')
                and length(judged.item ->> 'business_id') <= 100
                then judged.item -> 'business_id'
            end,
            'reason', judged.problem
          )
          order by judged.index
        ),
        '[]'
      )
      from judged
      where judged.problem is not null
    )
  into v_updated, v_superseded, v_failures;

  return jsonb_build_object(
    'success', true,
    'updated', v_updated,
    'failed', jsonb_array_length(v_failures),
    'superseded', v_superseded,
    'enrichment_type', p_enrichment_type,
    'failures', v_failures
  );
exception
  when others then
    return stored_function_failure(sqlstate, sqlerrm);
end;
$$;
