create or replace function erase_contact(p_email varchar)
returns jsonb
language plpgsql
security definer
set search_path from current
-- Writers wait behind an erasure that waits.
set lock_timeout to '5s'
as $$
declare
  v_now timestamptz := now();
  v_email text := suppression_email(p_email);
  v_pattern text := erasure_pattern(array[v_email]);
  v_suppressed bigint := 0::bigint;
  v_owners uuid[];
  v_person_ids uuid[];
  v_person_urls text[];
  v_guess_owners uuid[];
  v_guesses text[];
  v_ids uuid[];
  v_raw_data jsonb[];
  v_counted bigint;
  v_counts jsonb := '{}'::jsonb;
  v_context text;
begin
  -- Takes somebody out of every table: the address, however it is written, with the names, titles and
  -- profiles that came with it. What is written from now on comes without it (without_erased).
  if v_email is null then
    raise exception using errcode = '22023', message = 'p_email is not one address';
  end if;

  -- An address that was erased before, or listed as erased by suppress_contacts, is already left out by
  -- every writer. Then nobody has to wait while all tables are read below.
  if exists (
    select
    from gmaps_suppressions as listed
    where listed.kind = 'email' and listed.value_hash = suppression_hash(v_email) and listed.is_erased
  ) then
    perform hold_suppressions();
  else
    perform open_suppressions();
    v_suppressed := store_suppressions(array['email'], array[v_email], array[null::text], array[true]);
  end if;

  -- In the order in which everybody locks: campaigns, their ZIP codes, businesses.
  with changed as (
    update gmaps_campaigns as campaign
    set
      name = coalesce(without_text(campaign.name, v_pattern), '[erased]'),
      description = without_text(campaign.description, v_pattern),
      keywords = without_texts(campaign.keywords, v_pattern),
      location = without_text(campaign.location, v_pattern),
      custom_zip_codes = without_texts(campaign.custom_zip_codes, v_pattern),
      created_by = without_text(campaign.created_by, v_pattern),
      updated_at = v_now
    from (select held.id from gmaps_campaigns as held where held::text ~* v_pattern) as found
    where campaign.id = found.id
    returning 1
  )
  select count(*) into strict v_counted from changed;
  v_counts := v_counts || jsonb_build_object('gmaps_campaigns', v_counted);
  with changed as (
    update gmaps_campaign_coverage as coverage
    set keywords = without_texts(coverage.keywords, v_pattern), updated_at = v_now
    from (select held.id from gmaps_campaign_coverage as held where held::text ~* v_pattern) as found
    where coverage.id = found.id
    returning 1
  )
  select count(*) into strict v_counted from changed;
  v_counts := v_counts || jsonb_build_object('gmaps_campaign_coverage', v_counted);
  v_owners := array(
    select business.id from gmaps_businesses as business where business::text ~* v_pattern
    union
    select stored.business_id from gmaps_business_emails as stored where stored.email_lower ~* v_pattern
    union
    select enrichment.business_id from gmaps_facebook_enrichments as enrichment where enrichment::text ~* v_pattern
    union
    select enrichment.business_id from gmaps_linkedin_enrichments as enrichment where enrichment::text ~* v_pattern
    union
    select logged.business_id from gmaps_email_verifications as logged where logged::text ~* v_pattern
  );
  v_owners := lock_businesses(v_owners, null);

  -- Enrichments. Those of a person tell who that is, and which addresses were guessed from the name.
  select array_agg(enrichment.id), array_agg(coalesce(enrichment.raw_data, '{}'))
  into v_ids, v_raw_data
  from gmaps_facebook_enrichments as enrichment
  where enrichment.business_id = any (v_owners) and enrichment::text ~* v_pattern;
  v_raw_data := array(
    select coalesce(without_contact(given.raw_data, v_pattern, false), '{}')
    from unnest(v_raw_data) with ordinality as given(raw_data, position)
    order by given.position
  );
  update gmaps_facebook_enrichments as enrichment
  set
    facebook_url = without_text(enrichment.facebook_url, v_pattern),
    page_name = without_text(enrichment.page_name, v_pattern),
    emails = without_texts(enrichment.emails, v_pattern),
    primary_email = without_text(enrichment.primary_email, v_pattern),
    email_sources = without_texts(enrichment.email_sources, v_pattern),
    phone_numbers = without_texts(enrichment.phone_numbers, v_pattern),
    addresses = without_texts(enrichment.addresses, v_pattern),
    error_message = without_text(enrichment.error_message, v_pattern),
    applied_keys = without_texts(enrichment.applied_keys, v_pattern),
    raw_data = redacted.raw_data
  from unnest(v_ids, v_raw_data) as redacted(id, raw_data)
  where enrichment.id = redacted.id;
  v_counts := v_counts || jsonb_build_object('gmaps_facebook_enrichments', coalesce(cardinality(v_ids), 0));

  select
    array_agg(enrichment.id),
    array_agg(coalesce(enrichment.raw_data, '{}')),
    array_agg(enrichment.id) filter (where theirs.is_person),
    array_agg(enrichment.person_profile_url) filter (where theirs.is_person)
      || array_agg(enrichment.linkedin_url) filter (where theirs.is_person)
  into v_ids, v_raw_data, v_person_ids, v_person_urls
  from gmaps_linkedin_enrichments as enrichment
  cross join lateral (
    select enrichment.person_name is not null or enrichment.profile_type is distinct from 'company' as is_person
  ) as theirs
  where enrichment.business_id = any (v_owners) and enrichment::text ~* v_pattern;
  v_raw_data := array(
    select without_person(coalesce(without_contact(given.raw_data, v_pattern, false), '{}'))
    from unnest(v_raw_data) with ordinality as given(raw_data, position)
    order by given.position
  );
  select array_agg(stored.business_id), array_agg(stored.email_lower)
  into v_guess_owners, v_guesses
  from gmaps_business_emails as stored
  where stored.source = 'generated'
    and stored.business_id in (
      select enrichment.business_id from gmaps_linkedin_enrichments as enrichment where enrichment.id = any (v_person_ids)
    );
  update gmaps_linkedin_enrichments as enrichment
  set
    linkedin_url = case
      when not theirs.is_person or enrichment.linkedin_url ~* 'linkedin\.com/(company|school|showcase)/'
        then without_text(enrichment.linkedin_url, v_pattern)
    end,
    person_name = case when not theirs.is_person then without_text(enrichment.person_name, v_pattern) end,
    person_title = case when not theirs.is_person then without_text(enrichment.person_title, v_pattern) end,
    person_profile_url = case
      when not theirs.is_person then without_text(enrichment.person_profile_url, v_pattern)
    end,
    company_name = without_text(enrichment.company_name, v_pattern),
    location = case when not theirs.is_person then without_text(enrichment.location, v_pattern) end,
    connections = case when not theirs.is_person then enrichment.connections end,
    emails_found = without_texts(enrichment.emails_found, v_pattern),
    emails_generated = case
      when theirs.is_person then '{}' else without_texts(enrichment.emails_generated, v_pattern)
    end,
    primary_email = case
      when not (theirs.is_person and enrichment.primary_email = any (enrichment.emails_generated))
        then without_text(enrichment.primary_email, v_pattern)
    end,
    phone_numbers = case
      when theirs.is_person then '{}' else without_texts(enrichment.phone_numbers, v_pattern)
    end,
    email_quality_tier = without_text(enrichment.email_quality_tier, v_pattern),
    error_message = without_text(enrichment.error_message, v_pattern),
    applied_keys = without_texts(enrichment.applied_keys, v_pattern),
    raw_data = redacted.raw_data,
    updated_at = v_now
  from unnest(v_ids, v_raw_data) as redacted(id, raw_data)
  cross join lateral (
    select (redacted.id in (select person.id from unnest(v_person_ids) as person(id))) is true as is_person
  ) as theirs
  where enrichment.id = redacted.id;
  v_counts := v_counts || jsonb_build_object('gmaps_linkedin_enrichments', coalesce(cardinality(v_ids), 0));

  -- Addresses, and what verifiers said of them.
  with gone as (
    delete from gmaps_business_emails as stored
    where stored.business_id = any (v_owners)
      and (
        stored.email_lower ~* v_pattern
        or exists (
          select
          from unnest(v_guess_owners, v_guesses) as guess(business_id, email)
          where guess.business_id = stored.business_id and guess.email = stored.email_lower
        )
      )
    returning 1
  )
  select count(*) into strict v_counted from gone;
  v_counts := v_counts || jsonb_build_object('gmaps_business_emails', v_counted);
  with gone as (
    delete from gmaps_email_verifications as logged
    where logged.business_id = any (v_owners)
      and (
        logged.email ~* v_pattern
        or exists (
          select
          from unnest(v_guess_owners, v_guesses) as guess(business_id, email)
          where guess.business_id = logged.business_id and guess.email = lower(logged.email)
        )
      )
    returning 1
  ),
  -- Another address's answer can name it: a verifier's suggestion.
  changed as (
    update gmaps_email_verifications as logged
    set
      source = without_text(logged.source, v_pattern),
      domain = without_text(logged.domain, v_pattern),
      provider = without_text(logged.provider, v_pattern),
      mx_records = without_json(logged.mx_records, v_pattern),
      reason = without_text(logged.reason, v_pattern),
      suggestion = without_text(logged.suggestion, v_pattern),
      raw_response = without_json(logged.raw_response, v_pattern)
    from (
      select held.id
      from gmaps_email_verifications as held
      where held.business_id = any (v_owners) and held::text ~* v_pattern and held.email !~* v_pattern
    ) as found
    where logged.id = found.id
    returning 1
  )
  select (select count(*) from gone) + (select count(*) from changed) into strict v_counted;
  v_counts := v_counts || jsonb_build_object('gmaps_email_verifications', v_counted);

  -- Businesses, with what was written for the lead that the address was. Then each chooses again.
  select array_agg(business.id), array_agg(coalesce(business.raw_data, '{}'))
  into v_ids, v_raw_data
  from gmaps_businesses as business
  where business.id = any (v_owners)
    and (
      business::text ~* v_pattern
      or business.linkedin_url = any (v_person_urls)
      or exists (
        select
        from unnest(v_guess_owners, v_guesses) as guess(business_id, email)
        where guess.business_id = business.id and guess.email = lower(business.email)
      )
    );
  v_raw_data := array(
    select coalesce(without_contact(given.raw_data, v_pattern, false), '{}')
    from unnest(v_raw_data) with ordinality as given(raw_data, position)
    order by given.position
  );
  update gmaps_businesses as business
  set
    name = coalesce(without_text(business.name, v_pattern), '[erased]'),
    address = without_text(business.address, v_pattern),
    city = without_text(business.city, v_pattern),
    state = without_text(business.state, v_pattern),
    postal_code = without_text(business.postal_code, v_pattern),
    country = without_text(business.country, v_pattern),
    phone = without_text(business.phone, v_pattern),
    website = without_text(business.website, v_pattern),
    email = case when not theirs.email then business.email end,
    email_source = case when theirs.email then 'not_found' else business.email_source end,
    email_verified = business.email_verified and not theirs.email,
    bouncer_status = case when not theirs.email then business.bouncer_status end,
    bouncer_score = case when not theirs.email then business.bouncer_score end,
    is_safe = case when not theirs.email then business.is_safe end,
    is_disposable = case when not theirs.email then business.is_disposable end,
    is_role_based = case when not theirs.email then business.is_role_based end,
    is_free_email = case when not theirs.email then business.is_free_email end,
    bouncer_verified_at = case when not theirs.email then business.bouncer_verified_at end,
    email_chosen_at = case when theirs.email then v_now else business.email_chosen_at end,
    category = without_text(business.category, v_pattern),
    categories = without_texts(business.categories, v_pattern),
    description = without_text(business.description, v_pattern),
    price_level = without_text(business.price_level, v_pattern),
    hours = without_json(business.hours, v_pattern),
    facebook_url = without_text(business.facebook_url, v_pattern),
    linkedin_url = case
      when (business.linkedin_url = any (v_person_urls)) is not true
        then without_text(business.linkedin_url, v_pattern)
    end,
    instagram_url = without_text(business.instagram_url, v_pattern),
    twitter_url = without_text(business.twitter_url, v_pattern),
    icebreaker = case when not theirs.email then without_text(business.icebreaker, v_pattern) end,
    subject_line = case when not theirs.email then without_text(business.subject_line, v_pattern) end,
    raw_data = redacted.raw_data,
    updated_at = v_now
  from (
    select given.id, given.raw_data, as_it_was.email
    from unnest(v_ids, v_raw_data) as given(id, raw_data)
    join gmaps_businesses as as_it_was on as_it_was.id = given.id
  ) as redacted
  cross join lateral (
    select coalesce(
      redacted.email ~* v_pattern
      or exists (
        select
        from unnest(v_guess_owners, v_guesses) as guess(business_id, email)
        where guess.business_id = redacted.id and guess.email = lower(redacted.email)
      ),
      false
    ) as email
  ) as theirs
  where business.id = redacted.id;
  v_counts := v_counts || jsonb_build_object('gmaps_businesses', coalesce(cardinality(v_ids), 0));
  perform from choose_business_emails(v_owners) as chosen;
  perform set_enrichment_verdicts(v_owners);

  -- Lookups, and the logs.
  perform finish_lookups(
    'verification', array(select email_item(address.email) from unnest(v_email || v_guesses) as address(email))
  );
  with changed as (
    update gmaps_lookups as lookup
    set
      worker = coalesce(without_text(lookup.worker, v_pattern), '[erased]'),
      failed_reason = without_text(lookup.failed_reason, v_pattern),
      failed_key = without_text(lookup.failed_key, v_pattern)
    from (select held.item_id, held.kind from gmaps_lookups as held where held::text ~* v_pattern) as found
    where lookup.item_id = found.item_id and lookup.kind = found.kind
    returning 1
  )
  select count(*) into strict v_counted from changed;
  v_counts := v_counts || jsonb_build_object('gmaps_lookups', v_counted);
  with changed as (
    update gmaps_api_costs as cost
    set metadata = without_json(cost.metadata, v_pattern)
    where cost.metadata::text ~* v_pattern
    returning 1
  )
  select count(*) into strict v_counted from changed;
  v_counts := v_counts || jsonb_build_object('gmaps_api_costs', v_counted);
  with changed as (
    update gmaps_exports as export
    set
      format = coalesce(without_text(export.format, v_pattern), '[erased]'),
      preset = without_text(export.preset, v_pattern),
      filter = without_json(export.filter, v_pattern),
      exported_by = coalesce(without_text(export.exported_by, v_pattern), '[erased]')
    from (select held.id from gmaps_exports as held where held::text ~* v_pattern) as found
    where export.id = found.id
    returning 1
  )
  select count(*) into strict v_counted from changed;
  v_counts := v_counts || jsonb_build_object('gmaps_exports', v_counted);
  with changed as (
    update gmaps_cost_repairs as repair
    set repaired_by = coalesce(without_text(repair.repaired_by, v_pattern), '[erased]')
    where repair.repaired_by ~* v_pattern
    returning 1
  )
  select count(*) into strict v_counted from changed;
  v_counts := v_counts || jsonb_build_object('gmaps_cost_repairs', v_counted);
  with changed as (
    update gmaps_rollout_percentages as rollout
    set changed_by = coalesce(without_text(rollout.changed_by, v_pattern), '[erased]')
    where rollout.changed_by ~* v_pattern
    returning 1
  )
  select count(*) into strict v_counted from changed;
  v_counts := v_counts || jsonb_build_object('gmaps_rollout_percentages', v_counted);
  with changed as (
    update gmaps_suppressions as listed
    set reason = without_text(listed.reason, v_pattern)
    where listed.reason ~* v_pattern
    returning 1
  )
  select count(*) into strict v_counted from changed;
  v_counts := v_counts || jsonb_build_object('gmaps_suppressions', v_counted);

  -- What was done, without saying to whom. A call that found nothing more leaves no entry.
  select
    coalesce(jsonb_object_agg(counted.key, counted.value) filter (where counted.value <> '0'), '{}'),
    coalesce(sum(counted.value::text::bigint), 0)::bigint
  into v_counts, v_counted
  from jsonb_each(v_counts) as counted;
  if v_counted > 0 or v_suppressed > 0 then
    insert into gmaps_erasures (erased_by, counts)
    values (coalesce(without_text(session_user, v_pattern), '[erased]'), v_counts);
  end if;
  update gmaps_erasures as erasure
  set erased_by = coalesce(without_text(erasure.erased_by, v_pattern), '[erased]')
  where erasure.erased_by ~* v_pattern;

  return jsonb_build_object(
    'success', true,
    'suppressed', v_suppressed > 0,
    'erased', v_counted,
    'counts', v_counts
  );
exception
  when others then
    get stacked diagnostics v_context = pg_exception_context;
    return caught_failure(sqlstate, sqlerrm, v_context);
end;
$$;
