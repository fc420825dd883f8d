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
-- Places are looked up in the index, whatever the table held when the plan was made. Planned once a
-- session: a plan of its own for each batch copies all of the batch dozens of times.
set plan_cache_mode to force_generic_plan
set jit to off
set enable_seqscan to off
set enable_hashjoin to off
set enable_mergejoin to off
set enable_memoize to off
as $$
declare
  v_batch jsonb := p_businesses;
  -- Taken once: not every cluster evaluates now() inside DO UPDATE.
  v_now timestamptz := now();
  -- A place that was seen within a day is not written only to say so.
  v_seen_before timestamptz := v_now - interval '1 day';
  v_zip_code text := scraped_text(p_zip_code);
  -- A batch's ids are of version 7: a time, chance, and the record's number in the last six
  -- digits, from 100000 on. Neighbours in the indexes, they cost half of what ids by chance do.
  v_id_head text := lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0')
    || overlay(substr(replace(gen_random_uuid()::text, '-', ''), 13, 14) placing '7' from 1);
  -- What ids of this batch begin with, as text.
  v_id_start text := left((v_id_head || '000000')::uuid::text, 30);
  -- What is to be read of the batch, and where in it each record was if that is not all of it.
  v_records jsonb;
  v_positions bigint[];
  v_place_ids text[];
  -- What the records say of addresses, in three parallel arrays.
  v_email_owners uuid[];
  v_emails text[];
  v_email_sources text[];
  v_cids text[];
  v_seen_again uuid[];
  v_choosing uuid[];
  v_total bigint;
  v_inserted bigint := 0::bigint;
  v_updated bigint := 0::bigint;
  v_other_campaign bigint := 0::bigint;
  v_closed bigint := 0::bigint;
  v_first_emails bigint := 0::bigint;
  v_new_emails bigint := 0::bigint;
  v_rejected jsonb := '[]'::jsonb;
  v_attempted bigint;
  v_places record;
  v_written uuid[];
  -- The batch's addresses that are suppressed.
  v_suppressed text[];
  v_is_exported boolean;
  v_is_done boolean := false;
  v_context text;
begin
  p_businesses := batch_items('p_businesses', p_businesses);
  -- Records of an export bring more than their places. They come together: the first tells.
  v_is_exported := coalesce(p_businesses -> 0 ?& '{business_id,changed_at}', false);

  perform hold_suppressions();
  p_businesses := without_erased(p_businesses);

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
    select record_key(p_businesses -> number)
    from generate_series(0, v_total::int - 1, greatest(v_total::int / 32, 1)) as number
  );
  if exists (
    select from gmaps_businesses as business where business.place_id = any (v_place_ids)
  ) then
    -- A record that is stored already, word for word, and was seen within the day is done, and
    -- nothing more of it is read. Not where a place comes twice: each record counts there. Places are
    -- looked up by their own key alone, behind a fence: with more to go by, a plan that was made when
    -- the campaign was small would read all of it for each record.
    with item as materialized (
      select element.record, element.position, record_key(element.record) as place_id
      from jsonb_array_elements(p_businesses) with ordinality as element(record, position)
    )
    select
      jsonb_agg(item.record order by item.position),
      array_agg(item.position order by item.position)
    into v_records, v_positions
    from item
    left join lateral (
      select
        business.raw_data = item.record
          and business.campaign_id = p_campaign_id
          and (business.zip_code is not null or v_zip_code is null)
          and coalesce(business.last_seen_at, business.scraped_at) >= v_seen_before as is_stored
      from gmaps_businesses as business
      where business.place_id = item.place_id
      offset 0
    ) as known on true
    where known.is_stored is not true
      or (select count(item.place_id) > count(distinct item.place_id collate "C") from item);
    v_is_done := v_positions is null;
  else
    begin
      select
        array_agg(place.index) as index,
        array_agg(place.place_id) as place_id,
        array_agg(place.cid) as cid,
        array_agg(place.name) as name,
        array_agg(place.address) as address,
        array_agg(place.city) as city,
        array_agg(place.state) as state,
        array_agg(place.postal_code) as postal_code,
        array_agg(place.country) as country,
        array_agg(place.latitude) as latitude,
        array_agg(place.longitude) as longitude,
        array_agg(place.phone) as phone,
        array_agg(place.website) as website,
        array_agg(place.emails[1]) as email,
        array_agg(place.email_source) as email_source,
        array_agg(place.category) as category,
        array_agg(place.categories::text) as categories,
        array_agg(place.description) as description,
        array_agg(place.rating) as rating,
        array_agg(place.reviews_count) as reviews_count,
        array_agg(place.price_level) as price_level,
        array_agg(place.hours) as hours,
        array_agg(place.facebook_url) as facebook_url,
        array_agg(place.linkedin_url) as linkedin_url,
        array_agg(place.instagram_url) as instagram_url,
        array_agg(place.twitter_url) as twitter_url,
        array_agg(place.business_status) as business_status,
        array_agg(place.needs_enrichment) as needs_enrichment,
        array_agg(place.problem) as problem,
        array_agg(place.emails::text) as emails
      into v_places
      from (
        select
          fields.*,
          scraped_business_problem(fields.record, fields.place_id, fields.name) as problem
        -- A fence: what identifies a record is read once.
        from (select fields.* from read_places(p_businesses) as fields offset 0) as fields
        offset 0
      ) as place;

      -- From arrays: a cluster sends the rows of a WITH that an INSERT reads to all of its nodes.
      with written as (
        insert into gmaps_businesses (
          id, campaign_id, zip_code, place_id, cid, name, address, city, state, postal_code, country,
          latitude, longitude, phone, website, email, email_source, category, categories,
          description, rating, reviews_count, price_level, hours, facebook_url, linkedin_url,
          instagram_url, twitter_url, business_status, needs_enrichment, enrichment_status, raw_data
        )
        select
          (v_id_head || to_hex(1048576 + place.index))::uuid,
          p_campaign_id,
          -- Where no ZIP code was searched, a place is found under its own.
          coalesce(
            v_zip_code,
            case when v_is_exported then scraped_text(p_businesses -> place.index ->> 'zip_code') end,
            place.postal_code
          ),
          place.place_id, place.cid, place.name, place.address, place.city, place.state, place.postal_code,
          place.country, place.latitude, place.longitude, place.phone, place.website, place.email,
          case when place.email is null then 'not_found' else place.email_source end,
          place.category, place.categories::text[], place.description, place.rating, place.reviews_count,
          place.price_level, place.hours, place.facebook_url, place.linkedin_url, place.instagram_url,
          place.twitter_url, place.business_status,
          -- The record's own word, else whether there is a page to look at.
          coalesce(place.needs_enrichment, place.facebook_url is not null),
          case
            when coalesce(place.needs_enrichment, false) or place.facebook_url is not null then 'pending'
            else 'no_facebook'
          end,
          -- Not from an array: that would be another copy of the batch.
          p_businesses -> place.index
        from (
          select
            unnest(v_places.index) as index, unnest(v_places.place_id) as place_id,
            unnest(v_places.cid) as cid, unnest(v_places.name) as name, unnest(v_places.address) as address,
            unnest(v_places.city) as city, unnest(v_places.state) as state,
            unnest(v_places.postal_code) as postal_code, unnest(v_places.country) as country,
            unnest(v_places.latitude) as latitude, unnest(v_places.longitude) as longitude,
            unnest(v_places.phone) as phone, unnest(v_places.website) as website,
            unnest(v_places.email) as email, unnest(v_places.email_source) as email_source,
            unnest(v_places.category) as category, unnest(v_places.categories) as categories,
            unnest(v_places.description) as description, unnest(v_places.rating) as rating,
            unnest(v_places.reviews_count) as reviews_count, unnest(v_places.price_level) as price_level,
            unnest(v_places.hours) as hours, unnest(v_places.facebook_url) as facebook_url,
            unnest(v_places.linkedin_url) as linkedin_url, unnest(v_places.instagram_url) as instagram_url,
            unnest(v_places.twitter_url) as twitter_url, unnest(v_places.business_status) as business_status,
            unnest(v_places.needs_enrichment) as needs_enrichment, unnest(v_places.problem) as problem
        ) as place
        where place.problem is null
        order by place.place_id
        returning id
      )
      select count(*), array_agg(written.id) into v_inserted, v_written from written;

      v_cids := array(
        select distinct place.cid collate "C"
        from unnest(v_places.cid, v_places.problem) as place(cid, problem)
        where place.cid is not null and place.problem is null
      );
      -- A place that has come without its place_id before, or comes in this batch both with it and
      -- without, is one place.
      if exists (
        select
        from gmaps_businesses as nameless
        where nameless.cid = any (v_cids)
          and not is_place_id(nameless.place_id)
          and exists (
            select
            from gmaps_businesses as other
            where other.cid = nameless.cid and other.id <> nameless.id
          )
      ) then
        raise unique_violation;
      end if;

      select coalesce(
        jsonb_agg(
          jsonb_build_object('index', place.index, 'reason', place.problem) order by place.index
        ),
        '[]'
      )
      into v_rejected
      from unnest(v_places.index, v_places.problem) as place(index, problem)
      where place.problem is not null;
      select
        array_agg((v_id_head || to_hex(1048576 + place.index))::uuid),
        array_agg(address.email),
        array_agg(place.email_source)
      into v_email_owners, v_emails, v_email_sources
      from unnest(v_places.index, v_places.emails, v_places.email_source, v_places.problem)
        as place(index, emails, email_source, problem)
      cross join lateral unnest(place.emails::text[]) as address(email)
      where place.problem is null;
      v_is_done := true;
    exception
      when unique_violation then
        -- One of the places is known, comes twice, or has just been committed by others.
        v_records := p_businesses;
        v_inserted := 0;
    end;
  end if;

  if not v_is_done then
    -- Places that were known by their cid alone and whose place_id has come: they get it.
    with named as materialized (
      select distinct on (place.cid) place.cid, place.place_id
      from read_places(v_records) as place
      where place.is_identified and place.cid is not null and place.name is not null
        and octet_length(place.place_id) <= 1000
        and exists (
          select
          from gmaps_businesses as business
          where business.cid = place.cid and not is_place_id(business.place_id)
        )
        and not exists (
          select from gmaps_businesses as business where business.place_id = place.place_id
        )
      order by place.cid, place.index desc
    ),
    owned as materialized (
      select business.id, named.place_id
      from named
      cross join lateral (
        select found.id
        from (
          select known.* from gmaps_businesses as known where known.cid = named.cid offset 0
        ) as found
        where not is_place_id(found.place_id) and found.campaign_id = p_campaign_id
        order by found.place_id
        limit 1
      ) as business
    )
    update gmaps_businesses as business
    set place_id = owned.place_id, updated_at = v_now
    from owned
    where business.id = owned.id;

    -- Without the records themselves, which are most of what would be copied: their index is enough.
    with given as materialized (
      select
        place.index, place.place_id, place.is_identified, place.emails, place.email_source,
        place.categories, place.cid, place.name, place.address, place.city, place.state,
        place.postal_code, place.country, place.latitude, place.longitude, place.phone, place.website,
        place.category, place.description, place.rating, place.reviews_count, place.price_level,
        place.hours, place.facebook_url, place.linkedin_url, place.instagram_url, place.twitter_url,
        place.business_status, place.needs_enrichment,
        scraped_business_problem(place.record, place.place_id, place.name) as problem
      -- A fence: what identifies a record is read once.
      from (select fields.* from read_places(v_records) as fields offset 0) as place
    ),
    -- Which place each record is of: one without a place_id is that of another record of the batch
    -- with the same cid, or the one that is stored with it.
    keyed as materialized (
      select
        given.*,
        case
          when given.is_identified or given.cid is null then given.place_id
          else coalesce(
            (
              -- As a map, which is made once, and only where it is needed.
              select jsonb_object_agg(other.cid, other.place_id)
              from given as other
              where other.is_identified and other.cid is not null and other.problem is null
            ) ->> given.cid,
            (
              select stored.place_id
              from gmaps_businesses as stored
              where stored.cid = given.cid
              order by is_place_id(stored.place_id) desc, stored.created_at, stored.id
              limit 1
            ),
            given.place_id
          )
        end as key
      from given
      where given.problem is null
    ),
    repeated as materialized (
      select keyed.key from keyed group by keyed.key having count(*) > 1
    ),
    -- Several records of a place are read like several batches: what the last one says counts, and
    -- what only an earlier one says is not lost.
    single as (
      select
        keyed.key as place_id, keyed.index, keyed.emails, keyed.email_source,
        keyed.categories, keyed.cid, keyed.name, keyed.address, keyed.city, keyed.state, keyed.postal_code, keyed.country, keyed.latitude, keyed.longitude, keyed.phone, keyed.website, keyed.category, keyed.description, keyed.rating, keyed.reviews_count, keyed.price_level, keyed.hours, keyed.facebook_url, keyed.linkedin_url, keyed.instagram_url, keyed.twitter_url, keyed.business_status, keyed.needs_enrichment
      from keyed
      where keyed.key not in (select repeated.key from repeated)
      union all
      select
        keyed.key, max(keyed.index),
        coalesce(
          array_agg(address.email order by keyed.index, address.position)
            filter (where address.email is not null),
          '{}'
        ),
        (array_agg(keyed.email_source order by keyed.emails = '{}', keyed.index desc))[1],
        text_list((array_agg(to_jsonb(keyed.categories) order by keyed.categories = '{}', keyed.index desc))[1]),
        (array_agg(keyed.cid order by keyed.index desc) filter (where keyed.cid is not null))[1],
        (array_agg(keyed.name order by keyed.index desc) filter (where keyed.name is not null))[1],
        (array_agg(keyed.address order by keyed.index desc) filter (where keyed.address is not null))[1],
        (array_agg(keyed.city order by keyed.index desc) filter (where keyed.city is not null))[1],
        (array_agg(keyed.state order by keyed.index desc) filter (where keyed.state is not null))[1],
        (array_agg(keyed.postal_code order by keyed.index desc) filter (where keyed.postal_code is not null))[1],
        (array_agg(keyed.country order by keyed.index desc) filter (where keyed.country is not null))[1],
        (array_agg(keyed.latitude order by keyed.index desc) filter (where keyed.latitude is not null))[1],
        (array_agg(keyed.longitude order by keyed.index desc) filter (where keyed.longitude is not null))[1],
        (array_agg(keyed.phone order by keyed.index desc) filter (where keyed.phone is not null))[1],
        (array_agg(keyed.website order by keyed.index desc) filter (where keyed.website is not null))[1],
        (array_agg(keyed.category order by keyed.index desc) filter (where keyed.category is not null))[1],
        (array_agg(keyed.description order by keyed.index desc) filter (where keyed.description is not null))[1],
        (array_agg(keyed.rating order by keyed.index desc) filter (where keyed.rating is not null))[1],
        (array_agg(keyed.reviews_count order by keyed.index desc) filter (where keyed.reviews_count is not null))[1],
        (array_agg(keyed.price_level order by keyed.index desc) filter (where keyed.price_level is not null))[1],
        (array_agg(keyed.hours order by keyed.index desc) filter (where keyed.hours is not null))[1],
        (array_agg(keyed.facebook_url order by keyed.index desc) filter (where keyed.facebook_url is not null))[1],
        (array_agg(keyed.linkedin_url order by keyed.index desc) filter (where keyed.linkedin_url is not null))[1],
        (array_agg(keyed.instagram_url order by keyed.index desc) filter (where keyed.instagram_url is not null))[1],
        (array_agg(keyed.twitter_url order by keyed.index desc) filter (where keyed.twitter_url is not null))[1],
        (array_agg(keyed.business_status order by keyed.index desc) filter (where keyed.business_status is not null))[1],
        (array_agg(keyed.needs_enrichment order by keyed.index desc) filter (where keyed.needs_enrichment is not null))[1]
      from keyed
      left join lateral unnest(keyed.emails) with ordinality as address(email, position) on true
      -- Hashed: as a join it would be one row by row.
      where (keyed.key in (select repeated.key from repeated)) is true
      group by keyed.key
    ),
    chosen as materialized (
      select
        single.*,
        known.id as known_id,
        known.id is not null as is_known,
        known.campaign_id is distinct from p_campaign_id as is_foreign,
        known.raw_data is distinct from v_records -> single.index
          or (known.zip_code is null and v_zip_code is not null)
          or single.place_id in (select repeated.key from repeated) as is_changed,
        coalesce(known.last_seen_at, known.scraped_at) < v_seen_before as is_seen_again,
        known.business_status as known_status
      from single
      left join lateral (
        select
          business.id, business.campaign_id, business.raw_data, business.zip_code,
          business.last_seen_at, business.scraped_at, business.business_status
        from gmaps_businesses as business
        where business.place_id = single.place_id
        offset 0
      ) as known on true
    )
    select
      places.*,
      (select count(*) from chosen where chosen.is_known and chosen.is_foreign) as other_campaign,
      (
        select count(*)
        from chosen
        where chosen.is_known and not chosen.is_foreign
          and chosen.business_status in ('closed_temporarily', 'closed_permanently')
          and coalesce(chosen.known_status, 'operational') = 'operational'
      ) as closed,
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
      ) as rejected,
      (
        select array_agg(chosen.known_id)
        from chosen
        where chosen.is_known and chosen.is_seen_again and not chosen.is_changed and not chosen.is_foreign
      ) as seen_again,
      addresses.*
    into v_places
    from (
      select
        array_agg(place.index) as index,
        array_agg(place.place_id) as place_id,
        array_agg(place.cid) as cid,
        array_agg(place.name) as name,
        array_agg(place.address) as address,
        array_agg(place.city) as city,
        array_agg(place.state) as state,
        array_agg(place.postal_code) as postal_code,
        array_agg(place.country) as country,
        array_agg(place.latitude) as latitude,
        array_agg(place.longitude) as longitude,
        array_agg(place.phone) as phone,
        array_agg(place.website) as website,
        array_agg(place.emails[1]) as email,
        array_agg(place.email_source) as email_source,
        array_agg(place.category) as category,
        array_agg(place.categories::text) as categories,
        array_agg(place.description) as description,
        array_agg(place.rating) as rating,
        array_agg(place.reviews_count) as reviews_count,
        array_agg(place.price_level) as price_level,
        array_agg(place.hours) as hours,
        array_agg(place.facebook_url) as facebook_url,
        array_agg(place.linkedin_url) as linkedin_url,
        array_agg(place.instagram_url) as instagram_url,
        array_agg(place.twitter_url) as twitter_url,
        array_agg(place.business_status) as business_status,
        array_agg(place.needs_enrichment) as needs_enrichment
      from (
        select chosen.*
        from chosen
        where not chosen.is_known or (chosen.is_changed and not chosen.is_foreign)
      ) as place
    ) as places,
    (
      select
        array_agg(chosen.place_id) as owners,
        array_agg(address.email) as emails,
        array_agg(chosen.email_source) as email_sources
      from chosen
      cross join lateral unnest(chosen.emails) as address(email)
      where not chosen.is_known
        or (not chosen.is_foreign and (chosen.is_changed or chosen.is_seen_again))
    ) as addresses;
    v_other_campaign := v_places.other_campaign;
    v_attempted := coalesce(cardinality(v_places.index), 0)::bigint;
    v_closed := v_places.closed;
    v_rejected := v_places.rejected;
    v_seen_again := v_places.seen_again;
    v_place_ids := v_places.owners;
    v_emails := v_places.emails;
    v_email_sources := v_places.email_sources;

    -- Rows are locked in the order of place_id, so overlapping batches wait instead of deadlocking.
    with written as (
      insert into gmaps_businesses as business (
        id, campaign_id, zip_code, place_id, cid, name, address, city, state, postal_code, country,
        latitude, longitude, phone, website, email, email_source, category, categories,
        description, rating, reviews_count, price_level, hours, facebook_url, linkedin_url,
        instagram_url, twitter_url, business_status, needs_enrichment, enrichment_status, raw_data
      )
      select
        (v_id_head || to_hex(1048576 + place.index))::uuid,
        p_campaign_id,
        -- Where no ZIP code was searched, a place is found under its own.
        coalesce(
          v_zip_code,
          case when v_is_exported then scraped_text(v_records -> place.index ->> 'zip_code') end,
          place.postal_code
        ),
        place.place_id, place.cid, place.name, place.address, place.city, place.state, place.postal_code,
        place.country, place.latitude, place.longitude, place.phone, place.website, place.email,
        case when place.email is null then 'not_found' else place.email_source end,
        place.category, place.categories::text[], place.description, place.rating, place.reviews_count,
        place.price_level, place.hours, place.facebook_url, place.linkedin_url, place.instagram_url,
        place.twitter_url, place.business_status,
        -- The record's own word, else whether there is a page to look at.
        coalesce(place.needs_enrichment, place.facebook_url is not null),
        case
          when coalesce(place.needs_enrichment, false) or place.facebook_url is not null then 'pending'
          else 'no_facebook'
        end,
        v_records -> place.index
      from (
        select
          unnest(v_places.index) as index, unnest(v_places.place_id) as place_id, unnest(v_places.cid) as cid,
          unnest(v_places.name) as name, unnest(v_places.address) as address, unnest(v_places.city) as city,
          unnest(v_places.state) as state, unnest(v_places.postal_code) as postal_code,
          unnest(v_places.country) as country, unnest(v_places.latitude) as latitude,
          unnest(v_places.longitude) as longitude, unnest(v_places.phone) as phone,
          unnest(v_places.website) as website, unnest(v_places.email) as email,
          unnest(v_places.email_source) as email_source, unnest(v_places.category) as category,
          unnest(v_places.categories) as categories, unnest(v_places.description) as description,
          unnest(v_places.rating) as rating, unnest(v_places.reviews_count) as reviews_count,
          unnest(v_places.price_level) as price_level, unnest(v_places.hours) as hours,
          unnest(v_places.facebook_url) as facebook_url, unnest(v_places.linkedin_url) as linkedin_url,
          unnest(v_places.instagram_url) as instagram_url, unnest(v_places.twitter_url) as twitter_url,
          unnest(v_places.business_status) as business_status,
          unnest(v_places.needs_enrichment) as needs_enrichment
      ) as place
      order by place.place_id
      on conflict (place_id) do update
      set
        -- A place found from two ZIPs stays with the first, or overlapping searches move it for ever.
        zip_code = coalesce(business.zip_code, excluded.zip_code),
        cid = coalesce(excluded.cid, business.cid),
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
        business_status = case
          when business.business_status = 'suppressed' then business.business_status
          else coalesce(excluded.business_status, business.business_status)
        end,
        -- A page that has come is to be looked at.
        needs_enrichment = case
          when business.enrichment_status = 'no_facebook' and business.facebook_url is null
            then excluded.needs_enrichment
          else business.needs_enrichment
        end,
        enrichment_status = case
          when business.enrichment_status = 'no_facebook' and business.facebook_url is null
            then excluded.enrichment_status
          else business.enrichment_status
        end,
        raw_data = excluded.raw_data,
        scraped_at = v_now,
        last_seen_at = v_now,
        updated_at = v_now
      where business.campaign_id = excluded.campaign_id
      returning business.id, xmax = 0 as is_new
    )
    select
      array_agg(written.id),
      count(*) filter (where written.is_new),
      count(*) filter (where not written.is_new)
    into v_written, v_inserted, v_updated
    from written;

    -- By their places, as some that looked new may have been committed by others meanwhile.
    select array_agg(business.id order by owner.position)
    into v_email_owners
    from unnest(v_place_ids) with ordinality as owner(place_id, position)
    left join lateral (
      select stored.id, stored.campaign_id
      from gmaps_businesses as stored
      where stored.place_id = owner.place_id
      offset 0
    ) as business on business.campaign_id = p_campaign_id;

    update gmaps_businesses as business
    set last_seen_at = v_now
    where business.id = any (v_seen_again);

    -- Some places that looked new were committed by others while this statement ran: a new
    -- snapshot tells whose they are.
    if v_inserted + v_updated < v_attempted then
      select count(*)
      into v_other_campaign
      from gmaps_businesses as business
      where business.campaign_id <> p_campaign_id
        and business.place_id = any (
          array(
            select place.place_id
            from read_places(v_records) as place
            where scraped_business_problem(place.record, place.place_id, place.name) is null
          )
        );
    end if;
  end if;

  perform refuse_failures('p_businesses', v_batch, v_rejected);

  -- Not while they are written: a cluster looks nothing up for the rows of an INSERT.
  if exists (
    select from gmaps_suppressions as listed where listed.kind in ('phone', 'place')
  ) then
    perform suppress_places(v_written);
  end if;

  if v_emails is not null then
    -- A new place has the first of its addresses already, unless a verdict is known of one.
    select
      count(*) filter (where stored.is_new),
      array_agg(stored.business_id)
        filter (where stored.has_verdict or not starts_with(stored.business_id::text, v_id_start))
    into v_new_emails, v_choosing
    from store_business_emails(v_email_owners, v_emails, v_email_sources) as stored;
    -- The address that a new place was written with is chosen like any other where it is suppressed.
    v_suppressed := suppressed_emails(v_emails);
    if v_suppressed <> '{}' then
      v_choosing := v_choosing || array(
        select owner.id
        from unnest(v_email_owners, v_emails) as owner(id, email)
        where lower(owner.email) = any (v_suppressed)
      );
    end if;
    select count(*) filter (where chosen.is_first)
    into v_first_emails
    from choose_business_emails(v_choosing) as chosen;
  end if;

  if v_is_exported then
    perform restore_leads(p_campaign_id, p_businesses);
  end if;

  return jsonb_build_object(
    'success', true,
    'inserted', v_inserted,
    'updated', v_updated,
    'skipped', v_total - v_inserted - v_updated,
    'total', v_total,
    'skipped_other_campaign', v_other_campaign,
    'closed', v_closed,
    'first_emails', v_first_emails,
    'new_emails', v_new_emails,
    'rejected', v_rejected,
    'message', format(
      'Businesses inserted: %s, updated: %s, skipped: %s', v_inserted, v_updated, v_total - v_inserted - v_updated
    )
  );
exception
  when others then
    get stacked diagnostics v_context = pg_exception_context;
    return caught_failure(sqlstate, sqlerrm, v_context);
end;
$$;
