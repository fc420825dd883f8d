create or replace function store_verifications(
  p_business_ids uuid[],
  p_emails text[],
  p_answers jsonb[],
  p_locked_ids uuid[]
)
returns table (
  index int,
  problem text,
  problem_code text,
  email text,
  status text,
  is_safe boolean,
  unrecognised_status text,
  replayed boolean
)
language plpgsql
-- Looked up in the indexes, whatever the tables held when the plan was made; planned once a session.
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
  v_held record;
  v_read record;
  v_written bigint;
  v_holders uuid[];
  v_done uuid[];
  v_open uuid[];
  v_open_ids uuid[];
  v_reasons text[];
  v_keys text[];
begin
  -- Verifiers' answers, as parallel arrays: logs each, gives the verdict to the address wherever it
  -- is, and lets the businesses choose again. Each answer has a status. p_locked_ids is what
  -- lock_businesses returned for these businesses and addresses.

  -- A business' own email that the table of addresses lacks brings its verdict along.
  if exists (
    select
    from gmaps_businesses as business
    where business.id = any (p_business_ids)
      and business.email is not null
      and not lower(business.email) = any (
        array(
          select stored.email_lower
          from gmaps_business_emails as stored
          where stored.business_id = business.id
        )
      )
  ) then
    perform from choose_business_emails(p_business_ids) as chosen;
  end if;

  -- Addresses are looked up by their business: one address can be that of thousands.
  -- An address that the business or an enrichment holds and the table of addresses does not was
  -- written before that table was, or is none that a scraper's would be taken for.
  select
    array_agg(held.business_id) as business_ids,
    array_agg(held.campaign_id) as campaign_ids,
    array_agg(held.email) as emails,
    array_agg(held.source) as sources
  into v_held
  from (
    select distinct on (held.business_id, lower(held.email) collate "C")
      held.business_id, held.campaign_id, held.email, held.source
    from unnest(p_business_ids, p_emails) as given(business_id, email)
    cross join lateral (
      select business.id as business_id, business.campaign_id, given.email, holder.source
      from gmaps_businesses as business
      cross join lateral (
        select coalesce(
          case
            when lower(business.email) = lower(given.email) then case
              when business.email_source in ('google_maps', 'facebook', 'linkedin')
                then business.email_source
              else 'manual'
            end
          end,
          (
            select 'facebook'
            from gmaps_facebook_enrichments as enrichment
            where enrichment.business_id = business.id
              and lower(given.email) in (
                select lower(listed.email) from unnest(enrichment.primary_email || enrichment.emails) as listed(email)
              )
          ),
          (
            select case
              when lower(given.email) in (
                select lower(listed.email) from unnest(enrichment.emails_generated) as listed(email)
              )
                then 'generated'
              else 'linkedin'
            end
            from gmaps_linkedin_enrichments as enrichment
            where enrichment.business_id = business.id
              and lower(given.email) in (
                select lower(listed.email)
                from unnest(
                  enrichment.primary_email || enrichment.emails_found || enrichment.emails_generated
                ) as listed(email)
              )
          )
        ) as source
        offset 0
      ) as holder
      where business.id = given.business_id
        and holder.source is not null
        and not lower(given.email) = any (
          array(
            select stored.email_lower
            from gmaps_business_emails as stored
            where stored.business_id = business.id
          )
        )
      offset 0
    ) as held
    order by held.business_id, lower(held.email) collate "C"
  ) as held;
  -- From arrays, here and below: a cluster sends the rows of a WITH that an INSERT reads to all of
  -- its nodes.
  if v_held.emails is not null then
    with adopted as (
      insert into gmaps_business_emails (business_id, campaign_id, email, source)
      select held.business_id, held.campaign_id, held.email, held.source
      from unnest(v_held.business_ids, v_held.campaign_ids, v_held.emails, v_held.sources)
        as held(business_id, campaign_id, email, source)
      on conflict do nothing
      returning 1
    )
    select count(*) into strict v_written from adopted;
  end if;

  with given as materialized (
    select
      (item.position - 1)::int as index,
      item.business_id,
      item.email,
      lower(item.email) collate "C" as email_lower,
      item.answer,
      item.answer ->> 'idempotency_key' as key,
      reading.*,
      owner.is_there,
      address.source as address_source,
      earlier.log
    from unnest(p_business_ids, p_emails, p_answers)
      with ordinality as item(business_id, email, answer, position)
    cross join lateral (select * from read_verification(item.answer) offset 0) as reading
    left join lateral (
      select true as is_there
      from gmaps_businesses as business
      where business.id = item.business_id
      offset 0
    ) as owner on true
    left join lateral (
      select stored.source, stored.email_lower
      from gmaps_business_emails as stored
      where stored.business_id = item.business_id
      offset 0
    ) as address on address.email_lower = lower(item.email) collate "C"
    left join lateral (
      select jsonb_build_array(stored.email, stored.raw_response) as log
      from gmaps_email_verifications as stored
      where stored.business_id = item.business_id
        and stored.raw_response ->> 'idempotency_key' = item.answer ->> 'idempotency_key'
      order by stored.created_at, stored.id
      limit 1
    ) as earlier on true
  ),
  -- The same answer sent again is logged once, also within a batch, and gets the first result: a
  -- retry after an unknown outcome must not undo what came later.
  compared as materialized (
    select
      given.*,
      coalesce(
        given.log,
        case
          when given.key is not null and lag(given.index) over same_key is not null
            then first_value(jsonb_build_array(given.email, given.answer)) over same_key
        end
      ) as first
    from given
    window same_key as (partition by given.business_id, given.key order by given.index)
  ),
  judged as materialized (
    select
      compared.*,
      compared.first is null as is_first,
      case
        when compared.is_there is null
          then format('there is no business %s', coalesce(compared.business_id::text, 'null'))
        when compared.first <> jsonb_build_array(compared.email, compared.answer)
          then 'idempotency_key was used before with another payload'
        when compared.first is null and compared.address_source is null
          then format('neither business %s nor its enrichments hold that email', compared.business_id)
      end as problem,
      case
        when compared.is_there is null then '23503'
        when compared.first <> jsonb_build_array(compared.email, compared.answer) then '23505'
        when compared.first is null and compared.address_source is null then '23503'
      end as problem_code
    from compared
  ),
  -- With its answer: no join, as two lists without an index are joined row by row.
  traced as (
    select
      judged.*,
      case
        when judged.problem is null and judged.is_first then (
          select enrichment.id
          from gmaps_facebook_enrichments as enrichment
          where enrichment.business_id = judged.business_id
            and judged.email_lower in (
              select lower(held.email) from unnest(enrichment.primary_email || enrichment.emails) as held(email)
            )
        )
      end as facebook_enrichment_id,
      case
        when judged.problem is null and judged.is_first then (
          select enrichment.id
          from gmaps_linkedin_enrichments as enrichment
          where enrichment.business_id = judged.business_id
            and judged.email_lower in (
              select lower(held.email)
              from unnest(
                enrichment.primary_email || enrichment.emails_found || enrichment.emails_generated
              ) as held(email)
            )
        )
      end as linkedin_enrichment_id
    from judged
  )
  select
    array_agg(traced.index) as index,
    array_agg(traced.business_id) as business_id,
    array_agg(traced.email) as email,
    array_agg(traced.email_lower) as email_lower,
    array_agg(traced.problem) as problem,
    array_agg(traced.problem_code) as problem_code,
    array_agg(traced.is_first) as is_first,
    array_agg(traced.facebook_enrichment_id) as facebook_enrichment_id,
    array_agg(traced.linkedin_enrichment_id) as linkedin_enrichment_id,
    array_agg(coalesce(traced.source, traced.address_source)) as source,
    array_agg(traced.status) as status,
    array_agg(traced.unrecognised_status) as unrecognised_status,
    array_agg(traced.score) as score,
    array_agg(traced.is_safe) as is_safe,
    array_agg(traced.is_disposable) as is_disposable,
    array_agg(traced.is_role_based) as is_role_based,
    array_agg(traced.is_free_email) as is_free_email,
    array_agg(traced.is_gibberish) as is_gibberish,
    array_agg(coalesce(traced.domain, split_part(traced.email, '@', 2))) as domain,
    array_agg(traced.provider) as provider,
    array_agg(traced.mx_records) as mx_records,
    array_agg(traced.smtp_check) as smtp_check,
    array_agg(traced.reason) as reason,
    array_agg(traced.suggestion) as suggestion,
    array_agg(traced.answer) as answer
  into v_read
  from traced;

  with logged as (
    insert into gmaps_email_verifications (
      business_id, facebook_enrichment_id, linkedin_enrichment_id, email, source, status, score,
      is_safe, is_disposable, is_role_based, is_free_email, is_gibberish, domain, provider,
      mx_records, smtp_check, reason, suggestion, raw_response, verified_at
    )
    select
      item.business_id, item.facebook_enrichment_id, item.linkedin_enrichment_id, item.email,
      item.source, item.status, item.score, item.is_safe, item.is_disposable, item.is_role_based,
      item.is_free_email, item.is_gibberish, item.domain, item.provider, item.mx_records,
      item.smtp_check, item.reason, item.suggestion, item.answer, v_now
    from (
      select
        unnest(v_read.business_id) as business_id,
        unnest(v_read.facebook_enrichment_id) as facebook_enrichment_id,
        unnest(v_read.linkedin_enrichment_id) as linkedin_enrichment_id, unnest(v_read.email) as email,
        unnest(v_read.source) as source, unnest(v_read.status) as status, unnest(v_read.score) as score,
        unnest(v_read.is_safe) as is_safe, unnest(v_read.is_disposable) as is_disposable,
        unnest(v_read.is_role_based) as is_role_based, unnest(v_read.is_free_email) as is_free_email,
        unnest(v_read.is_gibberish) as is_gibberish, unnest(v_read.domain) as domain,
        unnest(v_read.provider) as provider, unnest(v_read.mx_records) as mx_records,
        unnest(v_read.smtp_check) as smtp_check, unnest(v_read.reason) as reason,
        unnest(v_read.suggestion) as suggestion, unnest(v_read.answer) as answer,
        unnest(v_read.problem) as problem, unnest(v_read.is_first) as is_first, unnest(v_read.index) as index
    ) as item
    where item.problem is null and item.is_first
    order by item.index
    returning 1
  )
  select count(*) into strict v_written from logged;

  -- Of several answers for an address the last counts that is a verdict. "unknown" is the verifier's
  -- way to say that it got no answer.
  update gmaps_business_emails as stored
  set
    status = verdict.status,
    score = verdict.score,
    is_safe = verdict.is_safe,
    is_disposable = verdict.is_disposable,
    is_role_based = verdict.is_role_based,
    is_free_email = verdict.is_free_email,
    is_gibberish = verdict.is_gibberish,
    verified_at = v_now
  from (
    select distinct on (item.email_lower collate "C") item.*
    from (
      select
        unnest(v_read.index) as index, unnest(v_read.email_lower) as email_lower,
        unnest(v_read.status) as status, unnest(v_read.score) as score, unnest(v_read.is_safe) as is_safe,
        unnest(v_read.is_disposable) as is_disposable, unnest(v_read.is_role_based) as is_role_based,
        unnest(v_read.is_free_email) as is_free_email, unnest(v_read.is_gibberish) as is_gibberish,
        unnest(v_read.problem) as problem, unnest(v_read.is_first) as is_first
    ) as item
    where item.problem is null and item.is_first
    order by item.email_lower collate "C", item.status = 'unknown', item.index desc
  ) as verdict
  where stored.email_lower = verdict.email_lower
    -- A hashed look-up: linear, whatever the planner believes of the array.
    and (stored.business_id in (select locked.id from unnest(p_locked_ids) as locked(id))) is true
    and (verdict.status <> 'unknown' or coalesce(stored.status, 'unknown') = 'unknown');

  return query
  select
    item.index, item.problem, item.problem_code, item.email, item.status, item.is_safe,
    item.unrecognised_status, not item.is_first
  from (
    select
      unnest(v_read.index) as index, unnest(v_read.problem) as problem,
      unnest(v_read.problem_code) as problem_code, unnest(v_read.email) as email,
      unnest(v_read.status) as status, unnest(v_read.is_safe) as is_safe,
      unnest(v_read.unrecognised_status) as unrecognised_status, unnest(v_read.is_first) as is_first
  ) as item
  order by item.index;

  v_holders := array(
    select distinct holder.business_id
    from (
      select distinct lower(listed.email) collate "C" as email_lower
      from unnest(p_emails) as listed(email)
    ) as given
    cross join lateral (
      select stored.business_id
      from gmaps_business_emails as stored
      where stored.email_lower = given.email_lower
      offset 0
    ) as holder
    where (holder.business_id in (select locked.id from unnest(p_locked_ids) as locked(id))) is true
  );
  perform from choose_business_emails(v_holders) as chosen;
  perform set_enrichment_verdicts(v_holders);

  -- The lookups of these addresses have ended. One that is still unknown is asked for again later.
  select
    array_agg(asked.item_id) filter (where asked.status <> 'unknown'),
    array_agg(asked.item_id order by asked.item_id) filter (where asked.status = 'unknown'),
    array_agg(asked.business_id order by asked.item_id) filter (where asked.status = 'unknown'),
    array_agg(asked.reason order by asked.item_id) filter (where asked.status = 'unknown'),
    array_agg(asked.key order by asked.item_id) filter (where asked.status = 'unknown')
  into v_done, v_open, v_open_ids, v_reasons, v_keys
  from (
    select
      email_item(given.email) as item_id,
      given.business_id,
      coalesce(json_text(given.answer -> 'reason'), 'the verifier got no answer') as reason,
      given.answer ->> 'idempotency_key' as key,
      stored.status
    from unnest(p_business_ids, p_emails, p_answers) as given(business_id, email, answer)
    cross join lateral (
      select address.status
      from gmaps_business_emails as address
      where address.business_id = given.business_id and address.email_lower = lower(given.email)
      offset 0
    ) as stored
  ) as asked;
  perform finish_lookups('verification', v_done);
  if v_open is not null then
    perform fail_lookups('verification', v_open, v_open_ids, v_reasons, v_keys);
  end if;
end;
$$;
