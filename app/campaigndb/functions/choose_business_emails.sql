create or replace function choose_business_emails(p_business_ids uuid[])
returns table (business_id uuid, is_first boolean)
language plpgsql
-- Addresses are looked up in the indexes, whatever the tables held when the plan was made; planned once a session.
set plan_cache_mode to force_generic_plan
set jit to off
set enable_seqscan to off
set enable_hashjoin to off
set enable_mergejoin to off
as $$
#variable_conflict use_column
declare
  v_now timestamptz := now();
  v_business_ids uuid[] := array(select distinct given.id from unnest(p_business_ids) as given(id));
  v_held text[];
  v_suppressed text[] := '{}'::text[];
begin
  -- The only place that decides which of a business' addresses is its email; never a suppressed one.
  -- Writes a business only where that changes something; returns those, with whether they had no
  -- email before and have one now. The caller has called hold_suppressions.

  -- In the order in which every writer locks businesses.
  perform
  from gmaps_businesses as business
  where business.id = any (v_business_ids)
  order by business.place_id
  for no key update;

  perform adopt_business_emails(v_business_ids);

  -- Asked here and not kept in the rows: an address that is suppressed no more is chosen again.
  if exists (select from gmaps_suppressions as listed where listed.kind in ('email', 'domain')) then
    v_held := array(
      select stored.email_lower
      from gmaps_business_emails as stored
      where stored.business_id = any (v_business_ids)
      union all
      select business.email
      from gmaps_businesses as business
      where business.id = any (v_business_ids) and business.email is not null
    );
    v_suppressed := suppressed_emails(v_held);
  end if;

  return query
  with best as (
    select distinct on (stored.business_id)
      stored.*,
      -- A pattern's guess comes with an enrichment of LinkedIn's, a person's entry with the record.
      case stored.source
        when 'generated' then 'linkedin'
        when 'manual' then 'google_maps'
        else stored.source
      end as email_source,
      coalesce(stored.status = 'deliverable', false) as email_verified
    from gmaps_business_emails as stored
    where stored.business_id = any (v_business_ids) and stored.email_lower <> all (v_suppressed)
    order by
      stored.business_id,
      email_verdict_rank(stored.status, stored.is_safe) desc,
      email_source_rank(stored.source) desc,
      stored.first_seen_at,
      stored.email_lower
  ),
  -- The business as it was: what an update returns of it is what it wrote.
  chosen as materialized (
    select
      best.business_id, best.email, best.email_source, best.email_verified, best.status, best.score,
      best.is_safe, best.is_disposable, best.is_role_based, best.is_free_email, best.verified_at,
      business.email is null as was_without
    from best
    join gmaps_businesses as business on business.id = best.business_id
    union all
    -- Its addresses are all suppressed.
    select
      business.id, null, 'not_found', false, null, null, null, null, null, null, null, false
    from gmaps_businesses as business
    where v_suppressed <> '{}'
      and business.id = any (v_business_ids)
      and lower(business.email) = any (v_suppressed)
      and not exists (
        select
        from gmaps_business_emails as stored
        where stored.business_id = business.id and stored.email_lower <> all (v_suppressed)
      )
  ),
  changed as (
    update gmaps_businesses as business
    set
      email = chosen.email,
      email_source = chosen.email_source,
      email_verified = chosen.email_verified,
      bouncer_status = chosen.status,
      bouncer_score = chosen.score,
      is_safe = chosen.is_safe,
      is_disposable = chosen.is_disposable,
      is_role_based = chosen.is_role_based,
      is_free_email = chosen.is_free_email,
      bouncer_verified_at = chosen.verified_at,
      email_chosen_at = v_now,
      updated_at = v_now
    from chosen
    where business.id = chosen.business_id
      and (
        business.email, business.email_source, business.email_verified, business.bouncer_status,
        business.bouncer_score, business.is_safe, business.is_disposable, business.is_role_based,
        business.is_free_email, business.bouncer_verified_at
      ) is distinct from (
        chosen.email, chosen.email_source, chosen.email_verified, chosen.status,
        chosen.score, chosen.is_safe, chosen.is_disposable, chosen.is_role_based,
        chosen.is_free_email, chosen.verified_at
      )
    returning business.id, chosen.was_without
  )
  select changed.id, changed.was_without
  from changed;
end;
$$;
