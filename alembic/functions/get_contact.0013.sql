create or replace function get_contact(p_email varchar)
returns jsonb
language plpgsql
stable
security definer
set search_path from current
as $$
declare
  v_email text := suppression_email(p_email);
  v_pattern text := erasure_pattern(array[v_email]);
  v_tables jsonb;
  v_is_suppressed boolean;
  v_is_erased boolean;
  v_context text;
begin
  -- Every row that holds an address, as it is stored: a copy for the person whose it is, and what
  -- erase_contact would change. Reads all tables.
  if v_email is null then
    raise exception using errcode = '22023', message = 'p_email is not one address';
  end if;
  select jsonb_object_agg(found.name, found.rows) filter (where found.rows is not null)
  into v_tables
  from (
    select 'gmaps_campaigns' as name, (select jsonb_agg(to_jsonb(held)) from gmaps_campaigns as held where held::text ~* v_pattern) as rows
    union all
    select 'gmaps_campaign_coverage', (select jsonb_agg(to_jsonb(held)) from gmaps_campaign_coverage as held where held::text ~* v_pattern)
    union all
    select 'gmaps_businesses', (select jsonb_agg(to_jsonb(held)) from gmaps_businesses as held where held::text ~* v_pattern)
    union all
    select 'gmaps_business_emails', (select jsonb_agg(to_jsonb(held)) from gmaps_business_emails as held where held.email_lower ~* v_pattern)
    union all
    select 'gmaps_facebook_enrichments', (select jsonb_agg(to_jsonb(held)) from gmaps_facebook_enrichments as held where held::text ~* v_pattern)
    union all
    select 'gmaps_linkedin_enrichments', (select jsonb_agg(to_jsonb(held)) from gmaps_linkedin_enrichments as held where held::text ~* v_pattern)
    union all
    select 'gmaps_email_verifications', (select jsonb_agg(to_jsonb(held)) from gmaps_email_verifications as held where held::text ~* v_pattern)
    union all
    select 'gmaps_lookups', (select jsonb_agg(to_jsonb(held)) from gmaps_lookups as held where held.item_id = email_item(v_email) or held::text ~* v_pattern)
    union all
    select 'gmaps_api_costs', (select jsonb_agg(to_jsonb(held)) from gmaps_api_costs as held where held.metadata::text ~* v_pattern)
    union all
    select 'gmaps_exports', (select jsonb_agg(to_jsonb(held)) from gmaps_exports as held where held::text ~* v_pattern)
    union all
    select 'gmaps_cost_repairs', (select jsonb_agg(to_jsonb(held)) from gmaps_cost_repairs as held where held.repaired_by ~* v_pattern)
    union all
    select 'gmaps_rollout_percentages', (select jsonb_agg(to_jsonb(held)) from gmaps_rollout_percentages as held where held.changed_by ~* v_pattern)
    union all
    select 'gmaps_erasures', (select jsonb_agg(to_jsonb(held)) from gmaps_erasures as held where held.erased_by ~* v_pattern)
    union all
    select 'gmaps_suppressions', (
      select jsonb_agg(to_jsonb(held))
      from gmaps_suppressions as held
      where (held.kind = 'email' and held.value_hash = suppression_hash(v_email)) or held.reason ~* v_pattern
    )
  ) as found;
  v_is_suppressed := suppressed_emails(array[v_email]) <> '{}';
  v_is_erased := exists (
    select
    from gmaps_suppressions as listed
    where listed.kind = 'email' and listed.value_hash = suppression_hash(v_email) and listed.is_erased
  );
  return jsonb_build_object(
    'success', true,
    'is_suppressed', v_is_suppressed,
    'is_erased', v_is_erased,
    'tables', coalesce(v_tables, '{}')
  );
exception
  when others then
    get stacked diagnostics v_context = pg_exception_context;
    return caught_failure(sqlstate, sqlerrm, v_context);
end;
$$;
