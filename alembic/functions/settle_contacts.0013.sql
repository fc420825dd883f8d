create or replace function settle_contacts(p_kinds text[], p_values text[])
returns bigint
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
  v_email_owners uuid[];
  v_places uuid[];
  v_ids uuid[];
  v_place_ids text[];
  v_cids text[];
  v_phones text[];
  v_statuses text[];
  v_held text[];
  v_suppressed text[];
  v_rechosen bigint;
  v_marked bigint;
begin
  -- Applies the list, as it is now, to the businesses that these contacts concern: each chooses its
  -- email again, and a suppressed place leaves every queue. Returns how many changed.
  v_email_owners := array(
    select distinct holder.business_id
    from unnest(p_kinds, p_values) as given(kind, value)
    cross join lateral (
      select stored.business_id
      from gmaps_business_emails as stored
      where given.kind = 'email' and stored.email_lower = given.value collate "C"
      union all
      -- Read backwards, a domain's addresses begin with it and "@", those of its subdomains with it
      -- and ".": each is a range of the index, up to the next character.
      select stored.business_id
      from gmaps_business_emails as stored
      where given.kind = 'domain'
        and reverse(stored.email_lower) >= reverse(given.value) || '@'
        and reverse(stored.email_lower) < reverse(given.value) || 'A'
      union all
      select stored.business_id
      from gmaps_business_emails as stored
      where given.kind = 'domain'
        and reverse(stored.email_lower) >= reverse(given.value) || '.'
        and reverse(stored.email_lower) < reverse(given.value) || '/'
    ) as holder
  );
  v_places := array(
    select distinct place.id
    from unnest(p_kinds, p_values) as given(kind, value)
    cross join lateral (
      select business.id
      from gmaps_businesses as business
      where given.kind = 'place' and business.place_id = given.value
      union all
      select business.id
      from gmaps_businesses as business
      where given.kind = 'place' and business.cid = substr(given.value, 5) and starts_with(given.value, 'cid:')
      union all
      select business.id
      from gmaps_businesses as business
      where given.kind = 'phone'
        and business.phone is not null
        and right(
          regexp_replace(business.phone, '(ext|x|#|;)\.?\s*\d{1,6}\s*$|\(0\)|\D', '', 'gi'), 10
        ) = phone_end(given.value)
        and phone_number(business.phone) = given.value
    ) as place
  );
  perform lock_businesses(v_email_owners || v_places, null);

  select count(*) into v_rechosen from choose_business_emails(v_email_owners);

  -- Judged outside of the table's query: a cluster's node runs no function that reads a table there.
  -- The record knows whether a place is open that is suppressed no more.
  select
    array_agg(business.id), array_agg(business.place_id), array_agg(business.cid),
    array_agg(business.phone), array_agg(business.business_status)
  into v_ids, v_place_ids, v_cids, v_phones, v_statuses
  from gmaps_businesses as business
  where business.id = any (v_places);
  v_statuses := array(
    select case
      when exists (
        select
        from gmaps_suppressions as listed
        where listed.kind in ('place', 'phone')
          and listed.value_hash = any (place_suppressions(place.place_id, place.cid, place.phone))
      ) then 'suppressed'
      when place.business_status = 'suppressed' then (
        select stored.business_status
        from read_places(
          jsonb_build_array((select business.raw_data from gmaps_businesses as business where business.id = place.id))
        ) as stored
      )
      else place.business_status
    end
    from unnest(v_ids, v_place_ids, v_cids, v_phones, v_statuses)
      with ordinality as place(id, place_id, cid, phone, business_status, position)
    order by place.position
  );
  with marked as (
    update gmaps_businesses as business
    set business_status = settled.business_status, updated_at = v_now
    from unnest(v_ids, v_statuses) as settled(id, business_status)
    where business.id = settled.id
      and business.business_status is distinct from settled.business_status
    returning 1
  )
  select count(*) into strict v_marked from marked;

  -- Whoever holds a lookup of one of them is not waited for, and nobody is handed it again.
  v_held := array(
    select stored.email_lower
    from gmaps_business_emails as stored
    where stored.business_id = any (v_email_owners)
  );
  v_suppressed := suppressed_emails(v_held);
  v_places := array(
    select settled.id
    from unnest(v_ids, v_statuses) as settled(id, business_status)
    where settled.business_status = 'suppressed'
  );
  v_held := array(
    select business.email
    from gmaps_businesses as business
    where business.id = any (v_places) and business.email is not null
  );
  perform finish_lookups('facebook', v_places);
  perform finish_lookups('linkedin', v_places);
  perform finish_lookups(
    'verification',
    array(select email_item(address.email) from unnest(v_suppressed || v_held) as address(email))
  );
  return v_rechosen + v_marked;
end;
$$;
