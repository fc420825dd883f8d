create or replace function store_business_emails(
  p_business_ids uuid[],
  p_emails text[],
  p_sources text[]
)
returns table (business_id uuid, email text, is_new boolean, has_verdict boolean)
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
  -- Taken once: not every cluster evaluates now() inside DO UPDATE.
  v_now timestamptz := now();
  v_suppressed text[];
  v_due record;
begin
  -- The arrays are parallel; each email is one that usable_emails gave. The caller holds the
  -- businesses' locks, which cover their addresses too, and the list of suppressions still
  -- (hold_suppressions), and then calls choose_business_emails.
  -- Returns what was written: not an address that was seen within the last day already.
  perform adopt_business_emails(p_business_ids);
  v_suppressed := suppressed_emails(p_emails);

  with given as materialized (
    -- Suppressed addresses are left out here: every address that is found comes through.
    select distinct on (item.business_id, item.email_lower)
      item.business_id,
      item.email,
      item.email_lower,
      item.source,
      -- One of several at the same time is seen first as well: the one that is listed first.
      v_now + item.position * interval '1 microsecond' as seen_at
    from (
      select element.*, lower(element.email) collate "C" as email_lower
      from unnest(p_business_ids, p_emails, p_sources)
        with ordinality as element(business_id, email, source, position)
      offset 0
    ) as item
    where item.email_lower <> all (v_suppressed)
    order by
      item.business_id, item.email_lower, email_source_rank(item.source) desc, item.position
  )
  select
    array_agg(due.business_id) as business_ids,
    array_agg(due.campaign_id) as campaign_ids,
    array_agg(due.email) as emails,
    array_agg(due.source) as sources,
    array_agg(due.seen_at) as times,
    array_agg(due.verdict) as verdicts
  into v_due
  from (
    select given.*, business.campaign_id, known_elsewhere.verdict
    from given
    cross join lateral (
      select owner.campaign_id, campaign.verdict_max_age_days
      from gmaps_businesses as owner
      join gmaps_campaigns as campaign on campaign.id = owner.campaign_id
      where owner.id = given.business_id
      offset 0
    ) as business
    -- Looked up by the business: one address can be that of thousands.
    left join lateral (
      select stored.last_seen_at, stored.source, stored.email_lower
      from gmaps_business_emails as stored
      where stored.business_id = given.business_id
      offset 0
    ) as known on known.email_lower = given.email_lower
    -- What is known of the address at any business, and not too old, is not paid for again.
    left join lateral (
      -- Few have one: as one value it costs less than eight that are mostly null.
      select jsonb_build_object(
        'status', other.status,
        'score', other.score,
        'is_safe', other.is_safe,
        'is_disposable', other.is_disposable,
        'is_role_based', other.is_role_based,
        'is_free_email', other.is_free_email,
        'is_gibberish', other.is_gibberish,
        'verified_at', other.verified_at
      ) as verdict
      from gmaps_business_emails as other
      where other.email_lower = given.email_lower
        and other.verified_at > v_now - make_interval(days => business.verdict_max_age_days)
        and other.status <> 'unknown'
      order by other.verified_at desc
      limit 1
    ) as known_elsewhere on true
    where known.last_seen_at is null
      or known.last_seen_at < v_now - interval '1 day'
      or email_source_rank(given.source) > email_source_rank(known.source)
    order by given.business_id, given.email_lower
  ) as due;
  if v_due.emails is null then
    return;
  end if;

  -- From arrays: a cluster sends the rows of a WITH that an INSERT reads to all of its nodes.
  return query
  with written as (
    insert into gmaps_business_emails as stored (
      business_id, campaign_id, email, source, first_seen_at, last_seen_at, status, score,
      is_safe, is_disposable, is_role_based, is_free_email, is_gibberish, verified_at
    )
    select
      due.business_id, due.campaign_id, due.email, due.source, due.seen_at, due.seen_at,
      due.verdict ->> 'status',
      (due.verdict ->> 'score')::numeric,
      (due.verdict ->> 'is_safe')::boolean,
      (due.verdict ->> 'is_disposable')::boolean,
      (due.verdict ->> 'is_role_based')::boolean,
      (due.verdict ->> 'is_free_email')::boolean,
      (due.verdict ->> 'is_gibberish')::boolean,
      (due.verdict ->> 'verified_at')::timestamptz
    from (
      select
        unnest(v_due.business_ids) as business_id, unnest(v_due.campaign_ids) as campaign_id,
        unnest(v_due.emails) as email, unnest(v_due.sources) as source, unnest(v_due.times) as seen_at,
        unnest(v_due.verdicts) as verdict
    ) as due
    on conflict (business_id, email_lower) do update
    set
      last_seen_at = excluded.last_seen_at,
      source = case
        when email_source_rank(excluded.source) > email_source_rank(stored.source)
          then excluded.source
        else stored.source
      end,
      (
        status, score, is_safe, is_disposable, is_role_based, is_free_email, is_gibberish,
        verified_at
      ) = (
        select
          case when newer.verdict then excluded.status else stored.status end,
          case when newer.verdict then excluded.score else stored.score end,
          case when newer.verdict then excluded.is_safe else stored.is_safe end,
          case when newer.verdict then excluded.is_disposable else stored.is_disposable end,
          case when newer.verdict then excluded.is_role_based else stored.is_role_based end,
          case when newer.verdict then excluded.is_free_email else stored.is_free_email end,
          case when newer.verdict then excluded.is_gibberish else stored.is_gibberish end,
          case when newer.verdict then excluded.verified_at else stored.verified_at end
        from (
          select excluded.verified_at > coalesce(stored.verified_at, '-infinity') as verdict
        ) as newer
      )
    returning stored.business_id, stored.email, xmax = 0, stored.status is not null
  )
  select written.* from written;
end;
$$;
