create or replace function insert_businesses_batch(
  p_campaign_id uuid,
  p_zip_code varchar,
  p_businesses jsonb
)
returns jsonb
language plpgsql
security definer
set search_path from current
-- Batches of thousands are sorted in memory rather than on disk.
set work_mem to '32MB'
-- Places are looked up in the index, whatever the table held when the plan was made.
set enable_seqscan to off
set enable_hashjoin to off
set enable_mergejoin to off
as $$
declare
  -- Taken once: not every cluster evaluates now() inside DO UPDATE.
  v_now timestamptz := now();
  v_zip_code text := scraped_text(p_zip_code);
  -- A batch's ids are of version 7: a time, chance, and the record's number in the last six
  -- digits, from 100000 on. Neighbours in the indexes, they cost half of what ids by chance do.
  v_id_head text := lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0')
    || overlay(substr(replace(gen_random_uuid()::text, '-', ''), 13, 14) placing '7' from 1);
  -- What is to be read of the batch, and where in it each record was if that is not all of it.
  v_records jsonb;
  v_positions bigint[];
  v_place_ids text[];
  v_total bigint;
  v_inserted bigint := 0::bigint;
  v_updated bigint := 0::bigint;
  v_other_campaign bigint := 0::bigint;
  v_rejected jsonb := '[]'::jsonb;
  v_attempted bigint;
  v_is_done boolean := false;
begin
  if coalesce(jsonb_typeof(p_businesses), 'null') <> 'array' then
    raise exception using errcode = '22023', message = 'p_businesses is not a JSON array';
  end if;

  -- The lock that the foreign key takes anyway, taken first: the campaign cannot vanish midway.
  perform from gmaps_campaigns as campaign where campaign.id = p_campaign_id for key share;
  if not found then
    raise exception using
      errcode = '23503', message = format('there is no campaign %s', coalesce(p_campaign_id::text, 'null'));
  end if;

  v_total := jsonb_array_length(p_businesses)::bigint;

  -- Most batches bring new places only, or were sent before. Which of them this one is like is
  -- guessed from a few records, as looking up each place costs a tenth of writing it. The guess
  -- decides nothing but the time: a plain insert that meets a known place is undone and done again.
  -- A query of its own, as one scan of the index then looks up all of them.
  v_place_ids := array(
    select coalesce(sample.record ->> 'place_id', sample.record ->> 'placeId')
    from (
      select p_businesses -> number as record
      from generate_series(0, v_total::int - 1, greatest(v_total::int / 32, 1)) as number
    ) as sample
  );
  if exists (
    select from gmaps_businesses as business where business.place_id = any (v_place_ids)
  ) then
    -- A record that is stored already, word for word, is done, and nothing more of it is read. Not
    -- where a place comes twice: its last record decides, be it the stored one.
    with item as materialized (
      select
        element.record,
        element.position,
        first_scraped_text(element.record -> 'place_id', element.record -> 'placeId') as place_id
      from jsonb_array_elements(p_businesses) with ordinality as element(record, position)
    )
    select
      jsonb_agg(item.record order by item.position),
      array_agg(item.position order by item.position)
    into v_records, v_positions
    from item
    left join gmaps_businesses as business
      on business.place_id = item.place_id
      and business.raw_data = item.record
      and business.campaign_id = p_campaign_id
      and (business.zip_code is not null or v_zip_code is null)
    where business.id is null
      or (select count(item.place_id) > count(distinct item.place_id collate "C") from item);
    v_is_done := v_positions is null;
  else
    begin
      insert into gmaps_businesses (
        id, campaign_id, zip_code, place_id, name, address, city, state, postal_code, country,
        latitude, longitude, phone, website, email, email_source, category, categories,
        description, rating, reviews_count, price_level, hours, facebook_url, linkedin_url,
        instagram_url, twitter_url, needs_enrichment, raw_data
      )
      -- The last of several records for one place wins.
      select distinct on (given.place_id)
        (v_id_head || to_hex(1048576 + given.index))::uuid,
        p_campaign_id, v_zip_code, given.place_id, given.name, given.address, given.city,
        given.state, given.postal_code, given.country, given.latitude, given.longitude,
        given.phone, given.website, given.email, given.email_source, given.category,
        given.categories, given.description, given.rating, given.reviews_count,
        given.price_level, given.hours, given.facebook_url, given.linkedin_url,
        given.instagram_url, given.twitter_url, given.needs_enrichment, given.record
      -- A fence: each field is read once, and not wherever it is used.
      from (select business.* from read_scraped_businesses(p_businesses) as business offset 0) as given
      where scraped_business_problem(given.record, given.place_id, given.name) is null
      order by given.place_id, given.index desc;
      get diagnostics v_inserted = row_count;
      v_is_done := true;
    exception
      when unique_violation then
        -- One of the places is known, or has just been committed by others.
        v_records := p_businesses;
    end;
    if v_is_done and v_inserted < v_total then
      -- Some records are left: they name a place twice, or are not readable.
      select coalesce(
        jsonb_agg(
          jsonb_build_object('index', given.index, 'reason', given.problem) order by given.index
        ),
        '[]'
      )
      into v_rejected
      from (
        select
          business.index,
          scraped_business_problem(business.record, business.place_id, business.name) as problem
        from read_scraped_businesses(p_businesses) as business
      ) as given
      where given.problem is not null;
    end if;
  end if;

  if not v_is_done then
    with given as materialized (
      select
        business.*,
        scraped_business_problem(business.record, business.place_id, business.name) as problem
      from read_scraped_businesses(v_records) as business
    ),
    -- The last of several records for one place wins.
    chosen as materialized (
      select distinct on (given.place_id)
        given.*,
        business.id is not null as is_known,
        business.campaign_id is distinct from p_campaign_id as is_foreign,
        business.raw_data is distinct from given.record
          or (business.zip_code is null and v_zip_code is not null) as is_changed
      from given
      left join gmaps_businesses as business on business.place_id = given.place_id
      where given.problem is null
      order by given.place_id, given.index desc
    ),
    -- Rows are locked in the order of place_id, so overlapping batches wait instead of deadlocking.
    written as (
      insert into gmaps_businesses as business (
        id, campaign_id, zip_code, place_id, name, address, city, state, postal_code, country,
        latitude, longitude, phone, website, email, email_source, category, categories,
        description, rating, reviews_count, price_level, hours, facebook_url, linkedin_url,
        instagram_url, twitter_url, needs_enrichment, raw_data
      )
      select
        (v_id_head || to_hex(1048576 + chosen.index))::uuid,
        p_campaign_id, v_zip_code, chosen.place_id, chosen.name, chosen.address, chosen.city,
        chosen.state, chosen.postal_code, chosen.country, chosen.latitude, chosen.longitude,
        chosen.phone, chosen.website, chosen.email, chosen.email_source, chosen.category,
        chosen.categories, chosen.description, chosen.rating, chosen.reviews_count,
        chosen.price_level, chosen.hours, chosen.facebook_url, chosen.linkedin_url,
        chosen.instagram_url, chosen.twitter_url, chosen.needs_enrichment, chosen.record
      from chosen
      where not chosen.is_known or (chosen.is_changed and not chosen.is_foreign)
      order by chosen.place_id
      on conflict (place_id) do update
      set
        -- A place found from two ZIPs stays with the first, or overlapping searches move it for ever.
        zip_code = coalesce(business.zip_code, excluded.zip_code),
        name = excluded.name,
        address = coalesce(excluded.address, business.address),
        city = coalesce(excluded.city, business.city),
        state = coalesce(excluded.state, business.state),
        postal_code = coalesce(excluded.postal_code, business.postal_code),
        country = coalesce(excluded.country, business.country),
        latitude = coalesce(excluded.latitude, business.latitude),
        longitude = coalesce(excluded.longitude, business.longitude),
        phone = coalesce(excluded.phone, business.phone),
        website = coalesce(excluded.website, business.website),
        category = coalesce(excluded.category, business.category),
        categories = case
          when excluded.categories = '{}' then business.categories else excluded.categories
        end,
        description = coalesce(excluded.description, business.description),
        rating = coalesce(excluded.rating, business.rating),
        reviews_count = coalesce(excluded.reviews_count, business.reviews_count),
        price_level = coalesce(excluded.price_level, business.price_level),
        hours = coalesce(excluded.hours, business.hours),
        facebook_url = coalesce(excluded.facebook_url, business.facebook_url),
        linkedin_url = coalesce(excluded.linkedin_url, business.linkedin_url),
        instagram_url = coalesce(excluded.instagram_url, business.instagram_url),
        twitter_url = coalesce(excluded.twitter_url, business.twitter_url),
        -- Another email makes what was verified of the old one void.
        (
          email, email_source, email_verified, bouncer_status, bouncer_score, is_safe,
          is_disposable, is_role_based, is_free_email, bouncer_verified_at
        ) = (
          select
            case when replaces.email then excluded.email else business.email end,
            case when replaces.email then excluded.email_source else business.email_source end,
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
              better.email and is_another_email(business.email, excluded.email) as verification
            from (
              select excluded.email is not null
                and email_source_rank(excluded.email_source) >= email_source_rank(business.email_source)
                as email
            ) as better
          ) as replaces
        ),
        raw_data = excluded.raw_data,
        scraped_at = v_now,
        updated_at = v_now
      where business.campaign_id = excluded.campaign_id
      returning business.place_id, xmax = 0 as is_new
    )
    select
      (select count(*) from written where written.is_new),
      (select count(*) from written where not written.is_new),
      (select count(*) from chosen where chosen.is_known and chosen.is_foreign),
      (
        select count(*) from chosen
        where not chosen.is_known or (chosen.is_changed and not chosen.is_foreign)
      ),
      coalesce(
        (
          select jsonb_agg(
            jsonb_build_object(
              'index', coalesce(v_positions[given.index + 1] - 1, given.index),
              'reason', given.problem
            )
            order by given.index
          )
          from given
          where given.problem is not null
        ),
        '[]'
      )
    into v_inserted, v_updated, v_other_campaign, v_attempted, v_rejected;

    -- Some places that looked new were committed by others while this statement ran: a new
    -- snapshot tells whose they are.
    if v_inserted + v_updated < v_attempted then
      select count(*)
      into v_other_campaign
      from gmaps_businesses as business
      where business.campaign_id <> p_campaign_id
        and business.place_id in (
          select given.place_id
          from read_scraped_businesses(v_records) as given
          where scraped_business_problem(given.record, given.place_id, given.name) is null
        );
    end if;
  end if;

  return jsonb_build_object(
    'success', true,
    'inserted', v_inserted,
    'updated', v_updated,
    'skipped', v_total - v_inserted - v_updated,
    'total', v_total,
    'skipped_other_campaign', v_other_campaign,
    'rejected', v_rejected
  );
exception
  when others then
    return stored_function_failure(sqlstate, sqlerrm);
end;
$$;
