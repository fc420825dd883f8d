-- What was stored of addresses before there was a table of them, for businesses that were adopted:
-- every usable address with its newest verdict; then each business chooses its email.
do $addresses$
declare
  v_ids uuid[] := {business_ids};
  v_owners uuid[];
  v_emails text[];
  v_sources text[];
begin
  perform hold_suppressions();
  with held as (
    select business.id, business.email as text,
      case
        when business.email_source in ('facebook', 'linkedin') then business.email_source
        else 'google_maps'
      end as source, 1 as position
    from gmaps_businesses as business
    where business.id = any (v_ids)
    union all
    select enrichment.business_id, listed.email, 'facebook', 1 + listed.position
    from gmaps_facebook_enrichments as enrichment
    cross join lateral unnest(enrichment.primary_email || enrichment.emails)
      with ordinality as listed(email, position)
    where enrichment.business_id = any (v_ids)
    union all
    select enrichment.business_id, listed.email,
      case
        when listed.position > 1 + cardinality(enrichment.emails_found) then 'generated'
        when listed.position = 1 and enrichment.email_source in ('generated', 'pattern_match')
          then 'generated'
        else 'linkedin'
      end,
      1 + listed.position
    from gmaps_linkedin_enrichments as enrichment
    cross join lateral unnest(
      enrichment.primary_email || enrichment.emails_found || enrichment.emails_generated
    ) with ordinality as listed(email, position)
    where enrichment.business_id = any (v_ids)
    -- Of rows that newer ones took the place of.
    union all
    select earlier.business_id, earlier.email, earlier.source, 1000
    from unnest({earlier_owners}::uuid[], {earlier_emails}::text[], {earlier_sources}::text[])
      as earlier(business_id, email, source)
  )
  select
    array_agg(held.id order by held.id, held.position),
    array_agg(usable.email order by held.id, held.position),
    array_agg(held.source order by held.id, held.position)
  into v_owners, v_emails, v_sources
  from held
  cross join lateral unnest(usable_emails(held.text)) as usable(email);
  perform from store_business_emails(v_owners, v_emails, v_sources);

  update gmaps_business_emails as stored
  set
    status = newest.status,
    score = newest.score,
    is_safe = newest.is_safe,
    is_disposable = newest.is_disposable,
    is_role_based = newest.is_role_based,
    is_free_email = newest.is_free_email,
    is_gibberish = newest.is_gibberish,
    verified_at = newest.verified_at
  from (
    select distinct on (logged.business_id, lower(logged.email))
      logged.business_id, lower(logged.email) collate "C" as email_lower,
      email_status_word(logged.status) as status, logged.score, logged.is_safe,
      logged.is_disposable, logged.is_role_based, logged.is_free_email, logged.is_gibberish,
      logged.verified_at
    from gmaps_email_verifications as logged
    where logged.business_id = any (v_ids)
      and email_status_word(logged.status) in ('deliverable', 'risky', 'undeliverable')
    order by logged.business_id, lower(logged.email), logged.verified_at desc
  ) as newest
  where stored.business_id = newest.business_id
    and stored.email_lower = newest.email_lower
    and newest.verified_at > coalesce(stored.verified_at, '-infinity');

  perform from choose_business_emails(v_ids);
  perform set_enrichment_verdicts(v_ids);
end
$addresses$
