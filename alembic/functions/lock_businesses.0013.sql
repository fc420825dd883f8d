create or replace function lock_businesses(p_business_ids uuid[], p_emails text[])
returns uuid[]
language plpgsql
-- Looked up in the indexes, whatever the tables held when the plan was made; planned once a session.
set plan_cache_mode to force_generic_plan
set jit to off
set enable_seqscan to off
set enable_hashjoin to off
set enable_mergejoin to off
as $$
declare
  v_campaign_ids uuid[];
  v_business_ids uuid[];
begin
  -- Locks these businesses and all that hold one of these addresses, for whoever writes a verdict:
  -- it belongs to the address, wherever that is. All at once and in the order of place_id, so that
  -- writers wait for each other instead of deadlocking. Returns the businesses that exist.
  perform hold_suppressions();
  v_business_ids := array(
    select given.id from unnest(p_business_ids) as given(id)
    union
    select holder.business_id
    from (
      select distinct lower(listed.email) collate "C" as email_lower
      from unnest(p_emails) as listed(email)
      where listed.email is not null
    ) as given
    cross join lateral (
      select address.business_id
      from gmaps_business_emails as address
      where address.email_lower = given.email_lower
      offset 0
    ) as holder
  );

  -- The lock that the foreign keys take anyway, taken before any business is locked: a campaign that
  -- is being deleted waits for its businesses, and they must not wait for it.
  v_campaign_ids := array(
    select distinct business.campaign_id
    from gmaps_businesses as business
    where business.id = any (v_business_ids)
  );
  perform
  from gmaps_campaigns as campaign
  where campaign.id = any (v_campaign_ids)
  order by campaign.id
  for key share;

  return array(
    select business.id
    from gmaps_businesses as business
    where business.id = any (v_business_ids)
    order by business.place_id
    for no key update
  );
end;
$$;
