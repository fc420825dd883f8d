create or replace function update_enrichment_batch(p_enrichment_type varchar, p_enrichments jsonb)
returns jsonb
language plpgsql
security definer
set search_path from current
-- Batches of thousands are sorted in memory rather than on disk.
set work_mem to '32MB'
-- Businesses are looked up in the index, whatever the table held when the plan was made, and the
-- statements are planned once a session.
set plan_cache_mode to force_generic_plan
set jit to off
set enable_seqscan to off
set enable_hashjoin to off
set enable_mergejoin to off
as $$
declare
  v_batch jsonb := p_enrichments;
  -- Taken once: not every cluster evaluates now() inside DO UPDATE.
  v_now timestamptz := now();
  v_locked_ids uuid[];
  v_updated bigint;
  v_superseded bigint;
  v_failures jsonb;
  v_stored_ids uuid[];
  v_address_ids uuid[];
  v_addresses text[];
  v_sources text[];
  v_verdict_ids uuid[];
  v_verdict_emails text[];
  v_verdicts jsonb[];
  v_done_ids uuid[];
  v_failed_ids uuid[];
  v_reasons text[];
  v_keys text[];
  v_worked_ids uuid[];
  v_workers text[];
  v_late bigint;
  v_campaign_ids uuid[];
  v_context text;
begin
  if not coalesce(p_enrichment_type in ('facebook', 'linkedin'), false) then
    raise exception using
      errcode = '22023', message = 'p_enrichment_type is not one of facebook, linkedin';
  end if;
  p_enrichments := batch_items('p_enrichments', p_enrichments);
  perform hold_suppressions();
  p_enrichments := without_erased(p_enrichments, p_enrichment_type = 'linkedin');

  -- Everything is locked first, also the other businesses that a verdict in the batch concerns. The
  -- statements below then see each business as its last writer left it.
  select lock_businesses(array_agg(given.business_id), array_agg(given.email))
  into v_locked_ids
  from (
    select
      enrichment_business(element.item) as business_id,
      case
        when enrichment_verdict(element.item) is not null then (
          select reading.primary_email
          from read_enrichment(p_enrichment_type, element.item) as reading
        )
      end as email
    from jsonb_array_elements(p_enrichments) as element(item)
    where enrichment_problem(p_enrichment_type, element.item) is null
  ) as given;

  with given as materialized (
    select
      (element.position - 1)::int as index,
      element.item,
      enrichment_problem(p_enrichment_type, element.item) as problem
    from jsonb_array_elements(p_enrichments) with ordinality as element(item, position)
  ),
  owned as materialized (
    select
      given.index,
      given.item,
      given.problem,
      given.item ->> 'idempotency_key' as key,
      business.*
    from given
    left join lateral (
      select
        stored.id as business_id, stored.campaign_id, stored.place_id, stored.facebook_url as known_facebook_url,
        stored.linkedin_url as known_linkedin_url
      from gmaps_businesses as stored
      where given.problem is null and stored.id = enrichment_business(given.item)
      offset 0
    ) as business on true
  ),
  -- What an item holds, read once. The URL that the business has already was in the question.
  facebook as materialized (
    select
      owned.*,
      reading.*,
      outcome.*,
      not outcome.success
        or outcome.is_stated
        or num_nonnulls(
          reading.page_name, reading.page_likes, reading.page_followers, reading.primary_email,
          nullif(reading.facebook_url, owned.known_facebook_url)
        ) > 0
        or reading.phone_numbers <> '{}'
        or reading.addresses <> '{}' as is_known
    from owned
    cross join lateral (select * from read_facebook_item(owned.item) offset 0) as reading
    cross join lateral (select * from read_outcome(owned.item) offset 0) as outcome
    where p_enrichment_type = 'facebook' and owned.business_id is not null
  ),
  linkedin as materialized (
    select
      owned.*,
      reading.*,
      outcome.*,
      not outcome.success
        or outcome.is_stated
        or num_nonnulls(
          reading.person_name, reading.person_title, reading.company_name, reading.location,
          reading.connections, reading.primary_email,
          nullif(reading.linkedin_url, owned.known_linkedin_url)
        ) > 0
        or reading.phone_numbers <> '{}' as is_known
    from owned
    cross join lateral (select * from read_linkedin_item(owned.item) offset 0) as reading
    cross join lateral (select * from read_outcome(owned.item) offset 0) as outcome
    where p_enrichment_type = 'linkedin' and owned.business_id is not null
  ),
  -- Of several items for one business the last wins that is no failure.
  latest_facebook as materialized (
    select distinct on (facebook.place_id) facebook.*
    from facebook
    where facebook.is_known
    order by facebook.place_id, facebook.success desc, facebook.index desc
  ),
  latest_linkedin as materialized (
    select distinct on (linkedin.place_id) linkedin.*
    from linkedin
    where linkedin.is_known
    order by linkedin.place_id, linkedin.success desc, linkedin.index desc
  ),
  -- An item whose key was applied before writes nothing, also where another worker's came between,
  -- and counts as no further attempt. A failure keeps what an earlier look has found.
  stored_facebook as (
    insert into gmaps_facebook_enrichments as enrichment (
      business_id, campaign_id, facebook_url, page_name, page_likes, page_followers, emails,
      primary_email, email_sources, phone_numbers, addresses, success, error_message, raw_data,
      applied_keys
    )
    select
      latest.business_id, latest.campaign_id, latest.facebook_url, latest.page_name,
      latest.page_likes, latest.page_followers, latest.emails, latest.primary_email,
      latest.email_sources, latest.phone_numbers, latest.addresses, latest.success,
      latest.error_message, latest.item, array_remove(array[latest.key], null)
    from latest_facebook as latest
    order by latest.place_id
    on conflict (business_id) do update
    set
      facebook_url = coalesce(excluded.facebook_url, enrichment.facebook_url),
      page_name = coalesce(excluded.page_name, enrichment.page_name),
      page_likes = coalesce(excluded.page_likes, enrichment.page_likes),
      page_followers = coalesce(excluded.page_followers, enrichment.page_followers),
      emails = case when excluded.emails = '{}' then enrichment.emails else excluded.emails end,
      primary_email = coalesce(excluded.primary_email, enrichment.primary_email),
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
      success = excluded.success or enrichment.success,
      error_message = excluded.error_message,
      raw_data = case
        when enrichment.success and not excluded.success then enrichment.raw_data
        else excluded.raw_data
      end,
      applied_keys = last_texts(enrichment.applied_keys || excluded.applied_keys, 50),
      scraped_at = v_now
    where not excluded.applied_keys
      && (enrichment.applied_keys || (enrichment.raw_data ->> 'idempotency_key'))
    returning enrichment.business_id
  ),
  stored_linkedin as (
    insert into gmaps_linkedin_enrichments as enrichment (
      business_id, campaign_id, linkedin_url, profile_type, person_name, person_title,
      person_profile_url, company_name, location, connections, emails_found, emails_generated,
      primary_email, email_source, phone_numbers, email_quality_tier, success, error_message,
      raw_data, applied_keys
    )
    select
      latest.business_id, latest.campaign_id, latest.linkedin_url, latest.profile_type,
      latest.person_name, latest.person_title, latest.person_profile_url, latest.company_name,
      latest.location, latest.connections, latest.emails_found, latest.emails_generated,
      latest.primary_email, latest.email_source, latest.phone_numbers, latest.email_quality_tier,
      latest.success, latest.error_message, latest.item, array_remove(array[latest.key], null)
    from latest_linkedin as latest
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
      primary_email = coalesce(excluded.primary_email, enrichment.primary_email),
      email_source = coalesce(excluded.email_source, enrichment.email_source),
      phone_numbers = case
        when excluded.phone_numbers = '{}' then enrichment.phone_numbers
        else excluded.phone_numbers
      end,
      email_quality_tier = coalesce(excluded.email_quality_tier, enrichment.email_quality_tier),
      success = excluded.success or enrichment.success,
      error_message = excluded.error_message,
      raw_data = case
        when enrichment.success and not excluded.success then enrichment.raw_data
        else excluded.raw_data
      end,
      applied_keys = last_texts(enrichment.applied_keys || excluded.applied_keys, 50),
      enriched_at = v_now,
      updated_at = v_now
    where not excluded.applied_keys
      && (enrichment.applied_keys || (enrichment.raw_data ->> 'idempotency_key'))
    returning enrichment.business_id
  ),
  stored as materialized (
    select stored_facebook.business_id from stored_facebook
    union all
    select stored_linkedin.business_id from stored_linkedin
  ),
  -- That there is no page is an answer, whatever it is called.
  latest as materialized (
    select
      latest_facebook.business_id, latest_facebook.item, latest_facebook.primary_email,
      latest_facebook.success, latest_facebook.enrichment_status, latest_facebook.facebook_url,
      null::text as linkedin_url, latest_facebook.error_message,
      not latest_facebook.success and latest_facebook.enrichment_status <> 'no_facebook' as has_failed
    from latest_facebook
    union all
    select
      latest_linkedin.business_id, latest_linkedin.item, latest_linkedin.primary_email,
      latest_linkedin.success, latest_linkedin.enrichment_status, null,
      latest_linkedin.linkedin_url, latest_linkedin.error_message, not latest_linkedin.success
    from latest_linkedin
  ),
  applied as (
    update gmaps_businesses as business
    set
      facebook_url = coalesce(
        case when latest.success then latest.facebook_url end, business.facebook_url
      ),
      linkedin_url = coalesce(
        case when latest.success then latest.linkedin_url end, business.linkedin_url
      ),
      enrichment_status = case
        when p_enrichment_type <> 'facebook' then business.enrichment_status
        -- What failed is tried again, until it is given up.
        when latest.has_failed then business.enrichment_status
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
    returning business.id
  ),
  -- Every address of every item, whichever of them wins; the primary one is seen first. A guess
  -- stays one where the item calls it its primary address.
  address as (
    select facebook.index, facebook.business_id, listed.position, listed.email, 'facebook' as source
    from facebook
    cross join lateral unnest(facebook.primary_email || facebook.usable)
      with ordinality as listed(email, position)
    where facebook.is_known
    union all
    select
      linkedin.index,
      linkedin.business_id,
      listed.position,
      listed.email,
      case
        when listed.position > 1 + cardinality(linkedin.usable_found) then 'generated'
        when listed.position > 1 then 'linkedin'
        when linkedin.email_source in ('generated', 'pattern_match') then 'generated'
        when lower(listed.email) in (
          select lower(guess.email) from unnest(linkedin.usable_generated) as guess(email)
        )
          then 'generated'
        else 'linkedin'
      end
    from linkedin
    cross join lateral unnest(
      linkedin.primary_email || linkedin.usable_found || linkedin.usable_generated
    ) with ordinality as listed(email, position)
    where linkedin.is_known
  ),
  kept as (
    select address.*
    from address
    where address.email is not null
      and (address.business_id in (select stored.business_id from stored)) is true
  ),
  failed as materialized (
    select
      owned.index, owned.item, coalesce(owned.problem, 'there is no such business') as problem
    from owned
    where owned.business_id is null
    union all
    select facebook.index, facebook.item, 'nothing is known in it'
    from facebook
    where not facebook.is_known
    union all
    select linkedin.index, linkedin.item, 'nothing is known in it'
    from linkedin
    where not linkedin.is_known
  )
  select
    (select count(*) from latest),
    (
      select count(*)
      from (
        select 1 from facebook where facebook.is_known
        union all
        select 1 from linkedin where linkedin.is_known
      ) as known
    ) - (select count(*) from latest),
    (
      select coalesce(
        jsonb_agg(listed_failure(failed.index, failed.item, failed.problem) order by failed.index),
        '[]'
      )
      from failed
    ),
    (select array_agg(applied.id) from applied),
    kept_addresses.*,
    verdicts.*,
    finished.*,
    unsuccessful.*,
    worked.*
  into
    v_updated, v_superseded, v_failures, v_stored_ids, v_address_ids, v_addresses, v_sources,
    v_verdict_ids, v_verdict_emails, v_verdicts, v_done_ids, v_failed_ids, v_reasons, v_keys,
    v_worked_ids, v_workers
  from (
    select
      array_agg(kept.business_id order by kept.index, kept.position),
      array_agg(kept.email order by kept.index, kept.position),
      array_agg(kept.source order by kept.index, kept.position)
    from kept
  ) as kept_addresses,
  (
    select
      array_agg(latest.business_id order by latest.business_id),
      array_agg(latest.primary_email order by latest.business_id),
      array_agg(enrichment_verdict(latest.item) order by latest.business_id)
    from latest
    where latest.primary_email is not null
      and enrichment_verdict(latest.item) is not null
      and (latest.business_id in (select stored.business_id from stored)) is true
  ) as verdicts,
  -- What becomes of the lookups. One that told nothing was paid for, and has failed.
  (
    select array_agg(latest.business_id)
    from latest
    where not latest.has_failed
      and (latest.business_id in (select stored.business_id from stored)) is true
  ) as finished,
  (
    select
      array_agg(attempt.business_id order by attempt.business_id),
      array_agg(attempt.reason order by attempt.business_id),
      array_agg(attempt.key order by attempt.business_id)
    from (
      select
        latest.business_id,
        coalesce(latest.error_message, 'the lookup failed') as reason,
        latest.item ->> 'idempotency_key' as key
      from latest
      where latest.has_failed
        and (latest.business_id in (select stored.business_id from stored)) is true
      union all
      select facebook.business_id, 'nothing is known in it', facebook.key
      from facebook
      where not facebook.is_known
        and (facebook.business_id in (select latest.business_id from latest)) is not true
      union all
      select linkedin.business_id, 'nothing is known in it', linkedin.key
      from linkedin
      where not linkedin.is_known
        and (linkedin.business_id in (select latest.business_id from latest)) is not true
    ) as attempt
  ) as unsuccessful,
  (
    select array_agg(owned.business_id), array_agg(owned.item ->> 'worker')
    from owned
    where owned.item ->> 'worker' is not null and owned.business_id is not null
  ) as worked;

  perform refuse_failures('p_enrichments', v_batch, v_failures);

  v_late := late_lookups(p_enrichment_type, v_worked_ids, v_workers);
  perform finish_lookups(p_enrichment_type, v_done_ids);
  if v_failed_ids is not null then
    perform fail_lookups(p_enrichment_type, v_failed_ids, v_failed_ids, v_reasons, v_keys);
  end if;
  v_campaign_ids := array(
    select distinct business.campaign_id
    from gmaps_businesses as business
    where business.id = any (v_stored_ids)
  );
  perform advance_queue_heads(v_campaign_ids, p_enrichment_type);

  perform from store_business_emails(v_address_ids, v_addresses, v_sources);
  if v_verdict_ids is not null then
    perform from store_verifications(v_verdict_ids, v_verdict_emails, v_verdicts, v_locked_ids);
  end if;
  perform from choose_business_emails(v_stored_ids);
  perform set_enrichment_verdicts(v_stored_ids);

  return jsonb_build_object(
    'success', true,
    'updated', v_updated,
    'failed', jsonb_array_length(v_failures),
    'superseded', v_superseded,
    'late', v_late,
    'enrichment_type', p_enrichment_type,
    'failures', v_failures,
    'message', format('Enrichments updated: %s, failed: %s', v_updated, jsonb_array_length(v_failures))
  );
exception
  when others then
    get stacked diagnostics v_context = pg_exception_context;
    return caught_failure(sqlstate, sqlerrm, v_context);
end;
$$;
