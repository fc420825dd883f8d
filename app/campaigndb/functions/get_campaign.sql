create or replace function get_campaign(p_campaign_id uuid)
returns jsonb
language plpgsql
stable
security definer
set search_path from current
set jit to off
set enable_seqscan to off
as $$
declare
  v_campaign gmaps_campaigns%rowtype;
  v_coverage jsonb;
  v_queues jsonb;
  v_leads bigint;
  v_exports jsonb;
  v_context text;
begin
  select campaign.* into v_campaign from gmaps_campaigns as campaign where campaign.id = p_campaign_id;
  if not found then
    raise exception using
      errcode = '23503', message = format('there is no campaign %s', coalesce(p_campaign_id::text, 'null'));
  end if;

  select jsonb_build_object(
    'zip_codes', count(*),
    'scraped', count(*) filter (where coverage.scraped),
    'businesses_found', coalesce(sum(coverage.businesses_found), 0),
    'emails_found', coalesce(sum(coverage.emails_found), 0)
  )
  into v_coverage
  from gmaps_campaign_coverage as coverage
  where coverage.campaign_id = p_campaign_id;

  select
    '{"facebook": 0, "linkedin": 0, "verification": 0, "coverage": 0}'
      || coalesce(jsonb_object_agg(queue.kind, queue.unfinished), '{}')
  into v_queues
  from work_queues(p_campaign_id) as queue;

  -- Reads the entries of the leads' index.
  select count(*)
  into v_leads
  from gmaps_businesses as business
  where business.campaign_id = p_campaign_id
    and is_lead(
      'safe', business.email, business.is_safe, business.email_verified, business.business_status
    );

  select coalesce(jsonb_agg(to_jsonb(export) - 'campaign_id' order by export.exported_at desc, export.id), '[]')
  into v_exports
  from (
    select logged.*
    from gmaps_exports as logged
    where logged.campaign_id = p_campaign_id
    order by logged.exported_at desc, logged.id
    limit 100
  ) as export;

  return
    -- Every column of the campaign, also of later releases; its costs by service are an object.
    to_jsonb(v_campaign)
      - array['id', 'google_maps_cost', 'facebook_cost', 'linkedin_enrichment_cost', 'bouncer_verification_cost']
    || jsonb_build_object(
      'success', true,
      'campaign_id', p_campaign_id,
      'coverage', v_coverage,
      'queues', v_queues,
      'leads', v_leads,
      'costs', jsonb_build_object(
        'google_maps', v_campaign.google_maps_cost,
        'facebook', v_campaign.facebook_cost,
        'linkedin', v_campaign.linkedin_enrichment_cost,
        'bouncer', v_campaign.bouncer_verification_cost
      ),
      'exports', v_exports
    );
exception
  when others then
    get stacked diagnostics v_context = pg_exception_context;
    return caught_failure(sqlstate, sqlerrm, v_context);
end;
$$;
