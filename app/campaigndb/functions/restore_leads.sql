create or replace function restore_leads(p_campaign_id uuid, p_records jsonb)
returns void
language plpgsql
-- Looked up in the indexes, whatever the tables held when the plan was made; planned once a session.
set plan_cache_mode to force_generic_plan
set jit to off
set enable_seqscan to off
set enable_hashjoin to off
set enable_mergejoin to off
as $$
declare
  v_now timestamptz := now();
  v_ids uuid[];
  v_records jsonb[];
  v_verified uuid[];
  v_lookups uuid[];
  v_items jsonb;
  v_type text;
  v_answer jsonb;
begin
  -- What records of an export hold beside their places, for the businesses that this transaction
  -- wrote, which are therefore locked: verdicts, texts, and what was found at Facebook and LinkedIn.
  -- Nothing known is replaced by something older. Called once the addresses are stored.
  select
    array_agg(business.id order by element.position), array_agg(element.record order by element.position)
  into v_ids, v_records
  from jsonb_array_elements(p_records) with ordinality as element(record, position)
  cross join lateral (
    select stored.id, stored.campaign_id, stored.updated_at
    from gmaps_businesses as stored
    where stored.place_id = scraped_text(element.record ->> 'place_id')
    offset 0
  ) as business
  where element.record ?& '{business_id,changed_at}'
    and business.campaign_id = p_campaign_id
    and business.updated_at = v_now;
  if v_ids is null then
    return;
  end if;

  -- Of several records of a place the first that has a text gives it, as in several batches.
  update gmaps_businesses as business
  set
    icebreaker = coalesce(business.icebreaker, given.icebreaker),
    subject_line = coalesce(business.subject_line, given.subject_line)
  from (
    select
      owner.id,
      (array_agg(written.icebreaker order by owner.position) filter (where written.icebreaker is not null))[1]
        as icebreaker,
      (array_agg(written.subject_line order by owner.position) filter (where written.subject_line is not null))[1]
        as subject_line
    from unnest(v_ids, v_records) with ordinality as owner(id, record, position)
    cross join lateral (
      select
        nullif(btrim(owner.record ->> 'icebreaker', E' \t\r\n'), '') as icebreaker,
        nullif(btrim(owner.record ->> 'subject_line', E' \t\r\n'), '') as subject_line
      offset 0
    ) as written
    where num_nonnulls(written.icebreaker, written.subject_line) > 0
    group by owner.id
  ) as given
  where business.id = given.id
    and (
      (business.icebreaker is null and given.icebreaker is not null)
      or (business.subject_line is null and given.subject_line is not null)
    );

  -- A verdict keeps its time, so that it is asked for again when it is old. Other businesses of the
  -- address are left alone: to lock them now would be out of order.
  with given as materialized (
    select distinct on (address.email_lower) address.email_lower, reading.*, asked.verified_at
    from unnest(v_records) as owner(record)
    cross join lateral (
      select lower((usable_emails(owner.record ->> 'email'))[1]) collate "C" as email_lower
      offset 0
    ) as address
    cross join lateral (
      select fields.*
      from read_verification(
        jsonb_build_object(
          'status', owner.record -> 'bouncer_status',
          'score', owner.record -> 'bouncer_score',
          'is_safe', owner.record -> 'is_safe',
          'is_disposable', owner.record -> 'is_disposable',
          'is_role_based', owner.record -> 'is_role_based',
          'is_free_email', owner.record -> 'is_free_email'
        )
      ) as fields
      offset 0
    ) as reading
    cross join lateral (
      select coalesce(owner.record ->> 'bouncer_verified_at', owner.record ->> 'changed_at') as time
      offset 0
    ) as stated
    -- The day is added as hours, so that a day that the month does not have is no error.
    cross join lateral (
      select case
        when stated.time ~* (
          '^[12]\d{3}-(0[1-9]|1[0-2])-([0-2]\d|3[01])[t ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?'
          '(z|[-+](0\d|1[0-5])(:?[0-5]\d)?)$'
        ) then least(
          overlay(stated.time placing '01' from 9 for 2)::timestamptz
            + make_interval(hours => 24 * (substr(stated.time, 9, 2)::int - 1)),
          v_now
        )
      end as verified_at
      offset 0
    ) as asked
    where address.email_lower is not null and reading.status is not null and asked.verified_at is not null
    order by address.email_lower, asked.verified_at desc
  ),
  changed as (
    update gmaps_business_emails as stored
    set
      status = given.status,
      score = given.score,
      is_safe = given.is_safe,
      is_disposable = given.is_disposable,
      is_role_based = given.is_role_based,
      is_free_email = given.is_free_email,
      is_gibberish = given.is_gibberish,
      verified_at = given.verified_at
    from given
    where stored.email_lower = given.email_lower
      -- A hashed look-up: linear, whatever the planner believes of the set.
      and (stored.business_id in (select owner.id from unnest(v_ids) as owner(id))) is true
      and given.verified_at > coalesce(stored.verified_at, '-infinity')
      and (given.status <> 'unknown' or coalesce(stored.status, 'unknown') = 'unknown')
    returning stored.business_id, stored.email, stored.status
  )
  select
    array_agg(changed.business_id),
    array_agg(distinct email_item(changed.email)) filter (where changed.status <> 'unknown')
  into v_verified, v_lookups
  from changed;
  perform from choose_business_emails(v_verified) as chosen;
  perform finish_lookups('verification', v_lookups);

  -- As results of the lookups, where there are none yet. Each carries the address that it brought: an
  -- erasure finds it by that.
  foreach v_type in array '{facebook,linkedin}'::text[] loop
    select jsonb_agg(jsonb_strip_nulls(first.item))
    into v_items
    from (
      select distinct on (owner.id)
        jsonb_build_object(
          'business_id', owner.id,
          'success', true,
          'primary_email', found.email,
          'phone_numbers', owner.record -> (v_type || '_phones')
        ) || case v_type
          when 'facebook' then jsonb_build_object(
            'facebook_url', case when business.facebook_url is null then owner.record -> 'facebook_url' end,
            'page_name', owner.record -> 'page_name',
            'page_likes', owner.record -> 'page_likes',
            'page_followers', owner.record -> 'page_followers'
          )
          else jsonb_build_object(
            'linkedin_url', case when business.linkedin_url is null then owner.record -> 'linkedin_url' end,
            'person_name', owner.record -> 'person_name',
            'person_title', owner.record -> 'person_title',
            'person_profile_url', owner.record -> 'person_profile_url',
            'company_name', owner.record -> 'company_name',
            'email_source', case when found.email is not null then 'linkedin_direct' end
          )
        end as item
      from unnest(v_ids, v_records) with ordinality as owner(id, record, position)
      cross join lateral (
        select
          case when owner.record ->> 'email_source' = v_type then owner.record ->> 'email' end as email
        offset 0
      ) as found
      cross join lateral (
        select stored.facebook_url, stored.linkedin_url
        from gmaps_businesses as stored
        where stored.id = owner.id
        offset 0
      ) as business
      left join lateral (
        select true as is_there
        from gmaps_facebook_enrichments as enrichment
        where v_type = 'facebook' and enrichment.business_id = owner.id
        union all
        select true
        from gmaps_linkedin_enrichments as enrichment
        where v_type = 'linkedin' and enrichment.business_id = owner.id
        offset 0
      ) as known on true
      where known.is_there is null
        and coalesce(
          found.email,
          nullif(owner.record ->> (v_type || '_phones'), '[]'),
          case v_type
            when 'facebook' then coalesce(
              owner.record ->> 'page_name', owner.record ->> 'page_likes', owner.record ->> 'page_followers'
            )
            else coalesce(
              owner.record ->> 'person_name', owner.record ->> 'person_title',
              owner.record ->> 'person_profile_url', owner.record ->> 'company_name'
            )
          end
        ) is not null
      order by owner.id, owner.position
    ) as first;
    if v_items is not null then
      v_answer := update_enrichment_batch(v_type, v_items);
      if not (v_answer ->> 'success')::boolean then
        raise exception using
          errcode = v_answer ->> 'error_code', message = v_answer ->> 'error_detail';
      end if;
    end if;
  end loop;
  perform set_enrichment_verdicts(v_verified);
end;
$$;
