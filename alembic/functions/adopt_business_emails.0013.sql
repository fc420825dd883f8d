create or replace function adopt_business_emails(p_business_ids uuid[])
returns bigint
language plpgsql
set plan_cache_mode to force_generic_plan
set jit to off
set enable_seqscan to off
set enable_hashjoin to off
set enable_mergejoin to off
as $$
declare
  v_now timestamptz := now();
  v_lacking record;
  v_adopted bigint;
begin
  -- An email or a verdict that the addresses lack was written past the functions: by hand, or by an
  -- earlier release's function that ran while this one was installed. It becomes an address with its
  -- verdict, before anything else is stored of the business. Not that of a business of this
  -- transaction, whose addresses are just about to be stored.
  select
    array_agg(lacking.id) as ids,
    array_agg(lacking.campaign_id) as campaign_ids,
    array_agg(lacking.email) as emails,
    array_agg(lacking.source) as sources,
    array_agg(lacking.created_at) as times,
    array_agg(lacking.status) as statuses,
    array_agg(lacking.bouncer_score) as scores,
    array_agg(lacking.is_safe) as safe,
    array_agg(lacking.is_disposable) as disposable,
    array_agg(lacking.is_role_based) as role_based,
    array_agg(lacking.is_free_email) as free,
    array_agg(lacking.verified_at) as verified
  into v_lacking
  from (
    select
      business.id, business.campaign_id, usable.email,
      case
        when business.email_source in ('linkedin', 'facebook', 'google_maps')
          then business.email_source
        else 'manual'
      end as source,
      business.created_at, verdict.status, business.bouncer_score,
      business.is_safe, business.is_disposable, business.is_role_based, business.is_free_email,
      case when verdict.status is not null then coalesce(business.bouncer_verified_at, v_now) end
        as verified_at
    from gmaps_businesses as business
    cross join lateral (select (usable_emails(business.email))[1] as email offset 0) as usable
    cross join lateral (
      select case
        when business.bouncer_status is not null then coalesce(
          email_status_word(business.bouncer_status),
          case when business.is_safe then 'deliverable' else 'unknown' end
        )
      end as status
      offset 0
    ) as verdict
    where business.id = any (p_business_ids)
      and business.email is not null
      and business.created_at <> v_now
      and not exists (
        select
        from gmaps_business_emails as known
        where known.business_id = business.id
          and known.email_lower = lower(business.email)
          and (business.bouncer_verified_at is null or known.verified_at >= business.bouncer_verified_at)
      )
      and usable.email is not null
  ) as lacking;
  if v_lacking.ids is null then
    return 0::bigint;
  end if;

  -- From arrays: a cluster sends the rows of a WITH that an INSERT reads to all of its nodes.
  with adopted as (
    insert into gmaps_business_emails as stored (
      business_id, campaign_id, email, source, first_seen_at, last_seen_at, status, score,
      is_safe, is_disposable, is_role_based, is_free_email, verified_at
    )
    select
      lacking.id, lacking.campaign_id, lacking.email, lacking.source, lacking.created_at, lacking.created_at,
      lacking.status, lacking.bouncer_score, lacking.is_safe, lacking.is_disposable, lacking.is_role_based,
      lacking.is_free_email, lacking.verified_at
    from unnest(
      v_lacking.ids, v_lacking.campaign_ids, v_lacking.emails, v_lacking.sources, v_lacking.times,
      v_lacking.statuses, v_lacking.scores, v_lacking.safe, v_lacking.disposable, v_lacking.role_based,
      v_lacking.free, v_lacking.verified
    ) as lacking(
      id, campaign_id, email, source, created_at, status, bouncer_score, is_safe, is_disposable,
      is_role_based, is_free_email, verified_at
    )
    on conflict (business_id, email_lower) do update
    set
      status = excluded.status,
      score = excluded.score,
      is_safe = excluded.is_safe,
      is_disposable = excluded.is_disposable,
      is_role_based = excluded.is_role_based,
      is_free_email = excluded.is_free_email,
      verified_at = excluded.verified_at
    where excluded.verified_at > coalesce(stored.verified_at, '-infinity')
    returning 1
  )
  select count(*) into strict v_adopted from adopted;
  return v_adopted;
end;
$$;
