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
  v_read record;
  v_updated bigint;
  v_superseded bigint;
  v_failures jsonb;
  -- The businesses of which something was stored.
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
  -- That there is no page is an answer, whatever it is called.
  latest as materialized (
    select
      latest.business_id, latest.campaign_id, latest.key, latest.item, latest.primary_email,
      latest.phone_numbers, latest.success, latest.enrichment_status, latest.facebook_url,
      null::text as linkedin_url, latest.error_message,
      not latest.success and latest.enrichment_status <> 'no_facebook' as has_failed
    from latest_facebook as latest
    union all
    select
      latest.business_id, latest.campaign_id, latest.key, latest.item, latest.primary_email,
      latest.phone_numbers, latest.success, latest.enrichment_status, null, latest.linkedin_url,
      latest.error_message, not latest.success
    from latest_linkedin as latest
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
    (select count(*) from facebook where facebook.is_known)
      + (select count(*) from linkedin where linkedin.is_known) as known,
    (
      select coalesce(
        jsonb_agg(listed_failure(failed.index, failed.item, failed.problem) order by failed.index),
        '[]'
      )
      from failed
    ) as failures,
    latest.*,
    facebook_rows.*,
    linkedin_rows.*,
    found.*,
    unknown.*,
    worked.*
  into v_read
  from (
    select
      array_agg(latest.business_id) as business_id,
      array_agg(latest.campaign_id) as campaign_id,
      array_agg(latest.key) as key,
      array_agg(latest.item) as item,
      array_agg(latest.primary_email) as primary_email,
      array_agg(latest.phone_numbers::text) as phone_numbers,
      array_agg(latest.success) as success,
      array_agg(latest.enrichment_status) as enrichment_status,
      array_agg(latest.facebook_url) as facebook_url,
      array_agg(latest.linkedin_url) as linkedin_url,
      array_agg(latest.error_message) as error_message,
      array_agg(latest.has_failed) as has_failed,
      array_agg(case when latest.primary_email is not null then enrichment_verdict(latest.item) end) as verdict
    from latest
  ) as latest,
  (
    select
      array_agg(latest.page_name) as page_name,
      array_agg(latest.page_likes) as page_likes,
      array_agg(latest.page_followers) as page_followers,
      array_agg(latest.emails::text) as emails,
      array_agg(latest.email_sources::text) as email_sources,
      array_agg(latest.addresses::text) as addresses
    from latest_facebook as latest
  ) as facebook_rows,
  (
    select
      array_agg(latest.profile_type) as profile_type,
      array_agg(latest.person_name) as person_name,
      array_agg(latest.person_title) as person_title,
      array_agg(latest.person_profile_url) as person_profile_url,
      array_agg(latest.company_name) as company_name,
      array_agg(latest.location) as location,
      array_agg(latest.connections) as connections,
      array_agg(latest.emails_found::text) as emails_found,
      array_agg(latest.emails_generated::text) as emails_generated,
      array_agg(latest.email_source) as email_source,
      array_agg(latest.email_quality_tier) as email_quality_tier
    from latest_linkedin as latest
  ) as linkedin_rows,
  (
    select
      array_agg(address.business_id order by address.index, address.position) as found_ids,
      array_agg(address.email order by address.index, address.position) as found_emails,
      array_agg(address.source order by address.index, address.position) as found_sources
    from address
    where address.email is not null
  ) as found,
  (
    select
      array_agg(attempt.business_id) as unknown_ids,
      array_agg(attempt.reason) as unknown_reasons,
      array_agg(attempt.key) as unknown_keys
    from (
      select facebook.business_id, 'nothing is known in it' as reason, facebook.key
      from facebook
      where not facebook.is_known
        and (facebook.business_id in (select latest.business_id from latest)) is not true
      union all
      select linkedin.business_id, 'nothing is known in it', linkedin.key
      from linkedin
      where not linkedin.is_known
        and (linkedin.business_id in (select latest.business_id from latest)) is not true
    ) as attempt
  ) as unknown,
  (
    select array_agg(owned.business_id) as worked_ids, array_agg(owned.item ->> 'worker') as workers
    from owned
    where owned.item ->> 'worker' is not null and owned.business_id is not null
  ) as worked;
  v_failures := v_read.failures;
  v_updated := coalesce(cardinality(v_read.business_id), 0)::bigint;
  v_superseded := v_read.known - v_updated;

  -- From arrays, which are in the order of place_id: a cluster sends the rows of a WITH that an INSERT
  -- reads to all of its nodes.
  -- An item whose key was applied before writes nothing, also where another worker's came between,
  -- and counts as no further attempt. A failure keeps what an earlier look has found.
  if p_enrichment_type = 'facebook' then
    with stored as (
      insert into gmaps_facebook_enrichments as enrichment (
        business_id, campaign_id, facebook_url, page_name, page_likes, page_followers, emails,
        primary_email, email_sources, phone_numbers, addresses, success, error_message, raw_data,
        applied_keys
      )
      select
        latest.business_id, latest.campaign_id, latest.facebook_url, latest.page_name,
        latest.page_likes, latest.page_followers, latest.emails::text[], latest.primary_email,
        latest.email_sources::text[], latest.phone_numbers::text[], latest.addresses::text[],
        latest.success, latest.error_message, latest.item, array_remove(array[latest.key], null)
      from (
        select
          unnest(v_read.business_id) as business_id, unnest(v_read.campaign_id) as campaign_id,
          unnest(v_read.key) as key, unnest(v_read.item) as item,
          unnest(v_read.primary_email) as primary_email, unnest(v_read.phone_numbers) as phone_numbers,
          unnest(v_read.success) as success, unnest(v_read.error_message) as error_message,
          unnest(v_read.facebook_url) as facebook_url, unnest(v_read.page_name) as page_name,
          unnest(v_read.page_likes) as page_likes, unnest(v_read.page_followers) as page_followers,
          unnest(v_read.emails) as emails, unnest(v_read.email_sources) as email_sources,
          unnest(v_read.addresses) as addresses
      ) as latest
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
    )
    select array_agg(stored.business_id) into v_stored_ids from stored;
  else
    with stored as (
      insert into gmaps_linkedin_enrichments as enrichment (
        business_id, campaign_id, linkedin_url, profile_type, person_name, person_title,
        person_profile_url, company_name, location, connections, emails_found, emails_generated,
        primary_email, email_source, phone_numbers, email_quality_tier, success, error_message,
        raw_data, applied_keys
      )
      select
        latest.business_id, latest.campaign_id, latest.linkedin_url, latest.profile_type,
        latest.person_name, latest.person_title, latest.person_profile_url, latest.company_name,
        latest.location, latest.connections, latest.emails_found::text[],
        latest.emails_generated::text[], latest.primary_email, latest.email_source,
        latest.phone_numbers::text[], latest.email_quality_tier, latest.success,
        latest.error_message, latest.item, array_remove(array[latest.key], null)
      from (
        select
          unnest(v_read.business_id) as business_id, unnest(v_read.campaign_id) as campaign_id,
          unnest(v_read.key) as key, unnest(v_read.item) as item,
          unnest(v_read.primary_email) as primary_email, unnest(v_read.phone_numbers) as phone_numbers,
          unnest(v_read.success) as success, unnest(v_read.error_message) as error_message,
          unnest(v_read.linkedin_url) as linkedin_url, unnest(v_read.profile_type) as profile_type,
          unnest(v_read.person_name) as person_name, unnest(v_read.person_title) as person_title,
          unnest(v_read.person_profile_url) as person_profile_url, unnest(v_read.company_name) as company_name,
          unnest(v_read.location) as location, unnest(v_read.connections) as connections,
          unnest(v_read.emails_found) as emails_found, unnest(v_read.emails_generated) as emails_generated,
          unnest(v_read.email_source) as email_source, unnest(v_read.email_quality_tier) as email_quality_tier
      ) as latest
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
    )
    select array_agg(stored.business_id) into v_stored_ids from stored;
  end if;

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
  from unnest(
    v_read.business_id, v_read.success, v_read.enrichment_status, v_read.facebook_url,
    v_read.linkedin_url, v_read.has_failed
  ) as latest(business_id, success, enrichment_status, facebook_url, linkedin_url, has_failed)
  where business.id = latest.business_id
    -- A hashed look-up. As a join of two sets whose size the planner does not know, it was a
    -- nested loop, and a batch took the square of its length.
    and (latest.business_id in (select stored.id from unnest(v_stored_ids) as stored(id))) is true;

  -- What was found, of the items that were stored; and what becomes of the lookups.
  select
    array_agg(address.business_id order by address.position),
    array_agg(address.email order by address.position),
    array_agg(address.source order by address.position)
  into v_address_ids, v_addresses, v_sources
  from unnest(v_read.found_ids, v_read.found_emails, v_read.found_sources)
    with ordinality as address(business_id, email, source, position)
  where (address.business_id in (select stored.id from unnest(v_stored_ids) as stored(id))) is true;

  -- One that told nothing was paid for, and has failed.
  select
    array_agg(latest.business_id) filter (where not latest.has_failed),
    array_agg(latest.business_id order by latest.business_id) filter (where latest.has_failed)
      || v_read.unknown_ids,
    array_agg(coalesce(latest.error_message, 'the lookup failed') order by latest.business_id)
      filter (where latest.has_failed)
      || v_read.unknown_reasons,
    array_agg(latest.key order by latest.business_id) filter (where latest.has_failed)
      || v_read.unknown_keys,
    array_agg(latest.business_id order by latest.business_id) filter (where latest.verdict is not null),
    array_agg(latest.primary_email order by latest.business_id) filter (where latest.verdict is not null),
    array_agg(latest.verdict order by latest.business_id) filter (where latest.verdict is not null)
  into
    v_done_ids, v_failed_ids, v_reasons, v_keys, v_verdict_ids, v_verdict_emails, v_verdicts
  from unnest(
    v_read.business_id, v_read.has_failed, v_read.error_message, v_read.key, v_read.primary_email,
    v_read.verdict
  ) as latest(business_id, has_failed, error_message, key, primary_email, verdict)
  where (latest.business_id in (select stored.id from unnest(v_stored_ids) as stored(id))) is true;

  perform refuse_failures('p_enrichments', v_batch, v_failures);

  v_late := late_lookups(p_enrichment_type, v_read.worked_ids, v_read.workers);
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
