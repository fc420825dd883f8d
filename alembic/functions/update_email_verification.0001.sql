create or replace function update_email_verification(
  p_business_id uuid,
  p_email varchar,
  p_verification_data jsonb
)
returns jsonb
language plpgsql
security definer
set search_path from current
as $$
declare
  v_now timestamptz := now();
  v_data jsonb := p_verification_data;
  v_email text := scraped_text(p_email);
  v_key text;
  v_first gmaps_email_verifications%rowtype;
  v_problem text;
  v_status text;
  v_score numeric;
  v_is_safe boolean;
  v_is_verified boolean;
  v_business_email text;
  v_business_email_source text;
  v_facebook_id uuid;
  v_linkedin_id uuid;
begin
  if v_email is null then
    raise exception using errcode = '22023', message = 'p_email is missing or blank';
  end if;
  if coalesce(jsonb_typeof(v_data), 'null') <> 'object' then
    raise exception using errcode = '22023', message = 'p_verification_data is not a JSON object';
  end if;
  v_problem := coalesce(
    case when scraped_text(v_data ->> 'status') is null then 'status is missing' end,
    field_problem(v_data, 'status', 'text'),
    field_problem(v_data, 'score', 'score'),
    field_problem(v_data, 'is_safe', 'boolean'),
    field_problem(v_data, 'is_disposable', 'boolean'),
    field_problem(v_data, 'is_role_based', 'boolean'),
    field_problem(v_data, 'is_free_email', 'boolean'),
    field_problem(v_data, 'is_gibberish', 'boolean'),
    field_problem(v_data, 'smtp_check', 'boolean'),
    field_problem(v_data, 'source', 'text'),
    field_problem(v_data, 'domain', 'text'),
    field_problem(v_data, 'provider', 'text'),
    field_problem(v_data, 'reason', 'text'),
    field_problem(v_data, 'suggestion', 'text'),
    field_problem(v_data, 'idempotency_key', 'text')
  );
  if v_problem is not null then
    raise exception using errcode = '22023', message = 'p_verification_data.' || v_problem;
  end if;

  v_key := v_data ->> 'idempotency_key';
  v_status := scraped_text(v_data ->> 'status');
  v_score := (v_data ->> 'score')::numeric;
  v_is_safe := coalesce((v_data ->> 'is_safe')::boolean, v_status = 'deliverable');
  -- "unknown" is the verifier's way to say that it got no answer.
  v_is_verified := v_status <> 'unknown';

  -- The lock makes enrichments, which may bring another email, wait.
  select business.email, business.email_source
  into v_business_email, v_business_email_source
  from gmaps_businesses as business
  where business.id = p_business_id
  for no key update;
  if not found then
    raise exception using
      errcode = '23503', message = format('there is no business %s', coalesce(p_business_id::text, 'null'));
  end if;

  -- The same answer sent twice is logged once, and gets the first result even where the email was
  -- replaced in between: a retry after an unknown outcome must not fail because of what came later.
  if v_key is not null then
    select verification.*
    into v_first
    from gmaps_email_verifications as verification
    where verification.business_id = p_business_id
      and verification.raw_response ->> 'idempotency_key' = v_key
    order by verification.created_at, verification.id
    limit 1;
    if found then
      if (v_first.email, v_first.raw_response) is distinct from (v_email, v_data) then
        raise exception using
          errcode = '23505',
          message = 'p_verification_data.idempotency_key was used before with another payload';
      end if;
      return jsonb_build_object(
        'success', true,
        'business_id', p_business_id,
        'email', v_first.email,
        'status', v_first.status,
        'is_safe', v_first.is_safe,
        'replayed', true
      );
    end if;
  end if;

  -- Addresses are compared without regard to case, as mail servers do in practice.
  select enrichment.id
  into v_facebook_id
  from gmaps_facebook_enrichments as enrichment
  where enrichment.business_id = p_business_id
    and lower(v_email) in (
      select lower(held.email)
      from unnest(enrichment.primary_email || enrichment.emails) as held(email)
    );
  select enrichment.id
  into v_linkedin_id
  from gmaps_linkedin_enrichments as enrichment
  where enrichment.business_id = p_business_id
    and lower(v_email) in (
      select lower(held.email)
      from unnest(
        enrichment.primary_email || enrichment.emails_found || enrichment.emails_generated
      ) as held(email)
    );

  if not coalesce(lower(v_business_email) = lower(v_email), false)
    and v_facebook_id is null
    and v_linkedin_id is null
  then
    raise exception using
      errcode = '23503',
      message = format('neither business %s nor its enrichments hold that email', p_business_id);
  end if;

  update gmaps_businesses as business
  set
    email_verified = v_is_verified,
    bouncer_status = v_status,
    bouncer_score = v_score,
    is_safe = v_is_safe,
    is_disposable = (v_data ->> 'is_disposable')::boolean,
    is_role_based = (v_data ->> 'is_role_based')::boolean,
    is_free_email = (v_data ->> 'is_free_email')::boolean,
    bouncer_verified_at = v_now,
    updated_at = v_now
  where business.id = p_business_id and lower(business.email) = lower(v_email);

  -- An enrichment row's verification is that of its primary email; a secondary one is in the log.
  update gmaps_facebook_enrichments as enrichment
  set
    email_verified = v_is_verified,
    bouncer_status = v_status,
    bouncer_score = v_score,
    is_safe = v_is_safe,
    is_disposable = (v_data ->> 'is_disposable')::boolean,
    is_role_based = (v_data ->> 'is_role_based')::boolean,
    is_free_email = (v_data ->> 'is_free_email')::boolean,
    bouncer_verified_at = v_now
  where enrichment.id = v_facebook_id and lower(enrichment.primary_email) = lower(v_email);

  update gmaps_linkedin_enrichments as enrichment
  set
    email_verified = v_is_verified,
    bouncer_status = v_status,
    bouncer_score = v_score,
    is_safe = v_is_safe,
    is_disposable = (v_data ->> 'is_disposable')::boolean,
    is_role_based = (v_data ->> 'is_role_based')::boolean,
    is_free_email = (v_data ->> 'is_free_email')::boolean,
    bouncer_verified_at = v_now,
    updated_at = v_now
  where enrichment.id = v_linkedin_id and lower(enrichment.primary_email) = lower(v_email);

  insert into gmaps_email_verifications (
    business_id, facebook_enrichment_id, linkedin_enrichment_id, email, source, status, score,
    is_safe, is_disposable, is_role_based, is_free_email, is_gibberish, domain, provider,
    mx_records, smtp_check, reason, suggestion, raw_response, verified_at
  )
  values (
    p_business_id,
    v_facebook_id,
    v_linkedin_id,
    v_email,
    coalesce(
      scraped_text(v_data ->> 'source'),
      case when lower(v_business_email) = lower(v_email) then v_business_email_source end,
      case when v_linkedin_id is not null then 'linkedin' else 'facebook' end
    ),
    v_status,
    v_score,
    v_is_safe,
    (v_data ->> 'is_disposable')::boolean,
    (v_data ->> 'is_role_based')::boolean,
    (v_data ->> 'is_free_email')::boolean,
    (v_data ->> 'is_gibberish')::boolean,
    coalesce(scraped_text(v_data ->> 'domain'), split_part(v_email, '@', 2)),
    scraped_text(v_data ->> 'provider'),
    nullif(v_data -> 'mx_records', 'null'),
    (v_data ->> 'smtp_check')::boolean,
    scraped_text(v_data ->> 'reason'),
    scraped_text(v_data ->> 'suggestion'),
    v_data,
    v_now
  );

  return jsonb_build_object(
    'success', true,
    'business_id', p_business_id,
    'email', v_email,
    'status', v_status,
    'is_safe', v_is_safe,
    'replayed', false
  );
exception
  when others then
    return stored_function_failure(sqlstate, sqlerrm);
end;
$$;
