create or replace function set_enrichment_verdicts(p_business_ids uuid[])
returns void
language plpgsql
-- Looked up in the indexes, whatever the tables held when the plan was made; planned once a session.
set plan_cache_mode to force_generic_plan
set jit to off
set enable_seqscan to off
set enable_hashjoin to off
set enable_mergejoin to off
as $$
begin
  -- An enrichment's verification is what is known of its primary address at its business. The caller
  -- holds the businesses' locks. The addresses are fenced: one address can be that of thousands of
  -- businesses, so it must not be looked up by itself.
  update gmaps_facebook_enrichments as enrichment
  set
    email_verified = verdict.email_verified,
    bouncer_status = verdict.status,
    bouncer_score = verdict.score,
    is_safe = verdict.is_safe,
    is_disposable = verdict.is_disposable,
    is_role_based = verdict.is_role_based,
    is_free_email = verdict.is_free_email,
    bouncer_verified_at = verdict.verified_at
  from (
    select held.id, coalesce(address.status = 'deliverable', false) as email_verified, address.*
    from gmaps_facebook_enrichments as held
    left join lateral (
      select stored.*
      from gmaps_business_emails as stored
      where stored.business_id = held.business_id
      offset 0
    ) as address on address.email_lower = lower(held.primary_email)
    where held.business_id = any (p_business_ids)
  ) as verdict
  where enrichment.id = verdict.id
    and (
      enrichment.email_verified, enrichment.bouncer_status, enrichment.bouncer_score,
      enrichment.is_safe, enrichment.is_disposable, enrichment.is_role_based,
      enrichment.is_free_email, enrichment.bouncer_verified_at
    ) is distinct from (
      verdict.email_verified, verdict.status, verdict.score, verdict.is_safe, verdict.is_disposable,
      verdict.is_role_based, verdict.is_free_email, verdict.verified_at
    );

  update gmaps_linkedin_enrichments as enrichment
  set
    email_verified = verdict.email_verified,
    bouncer_status = verdict.status,
    bouncer_score = verdict.score,
    is_safe = verdict.is_safe,
    is_disposable = verdict.is_disposable,
    is_role_based = verdict.is_role_based,
    is_free_email = verdict.is_free_email,
    bouncer_verified_at = verdict.verified_at
  from (
    select held.id, coalesce(address.status = 'deliverable', false) as email_verified, address.*
    from gmaps_linkedin_enrichments as held
    left join lateral (
      select stored.*
      from gmaps_business_emails as stored
      where stored.business_id = held.business_id
      offset 0
    ) as address on address.email_lower = lower(held.primary_email)
    where held.business_id = any (p_business_ids)
  ) as verdict
  where enrichment.id = verdict.id
    and (
      enrichment.email_verified, enrichment.bouncer_status, enrichment.bouncer_score,
      enrichment.is_safe, enrichment.is_disposable, enrichment.is_role_based,
      enrichment.is_free_email, enrichment.bouncer_verified_at
    ) is distinct from (
      verdict.email_verified, verdict.status, verdict.score, verdict.is_safe, verdict.is_disposable,
      verdict.is_role_based, verdict.is_free_email, verdict.verified_at
    );
end;
$$;
