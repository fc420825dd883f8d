create or replace function claim_businesses_for_enrichment(
  p_campaign_id uuid,
  p_enrichment_type varchar,
  p_limit int default 100,
  p_worker varchar default null,
  p_lease_seconds int default 900,
  p_unit_cost_usd numeric default null
)
returns jsonb
language plpgsql
security definer
set search_path from current
as $$
declare
  v_claimed record;
  v_answer jsonb;
  v_context text;
begin
  -- Hands out businesses to look up, each to one worker until its lease ends.
  if not coalesce(p_enrichment_type in ('facebook', 'linkedin'), false) then
    raise exception using
      errcode = '22023', message = 'p_enrichment_type is not one of facebook, linkedin';
  end if;
  select claimed.* into v_claimed
  from claim_lookups(
    p_campaign_id, p_enrichment_type, p_limit, p_worker, p_lease_seconds, p_unit_cost_usd
  ) as claimed;

  -- As json up to the end: each jsonb within another one is copied, value by value.
  select json_build_object(
    'success', true,
    'leased_until', v_claimed.answer -> 'leased_until',
    'budget_left', v_claimed.answer -> 'budget_left',
    'budget_exhausted', v_claimed.answer -> 'budget_exhausted',
    'campaign_status', v_claimed.answer -> 'campaign_status',
    'businesses', coalesce(
      json_agg(
        json_build_object(
          'business_id', business.id,
          'campaign_id', business.campaign_id,
          'place_id', business.place_id,
          'name', business.name,
          'address', business.address,
          'city', business.city,
          'state', business.state,
          'postal_code', business.postal_code,
          'phone', business.phone,
          'website', business.website,
          'email', business.email,
          'facebook_url', business.facebook_url,
          'linkedin_url', business.linkedin_url,
          'enrichment_status', business.enrichment_status,
          'enrichment_attempts', business.enrichment_attempts,
          'needs_enrichment', business.needs_enrichment
        )
        order by business.queue_position, business.id
      ),
      '[]'
    )
  )::jsonb
  into v_answer
  from unnest(v_claimed.item_ids) as item(id)
  cross join lateral (
    select found.* from gmaps_businesses as found where found.id = item.id offset 0
  ) as business;
  return v_answer;
exception
  when others then
    get stacked diagnostics v_context = pg_exception_context;
    return caught_failure(sqlstate, sqlerrm, v_context);
end;
$$;
