create or replace function update_campaign_statistics(p_campaign_id uuid)
returns jsonb
language plpgsql
security definer
set search_path from current
set jit to off
set enable_seqscan to off
as $$
declare
  v_counted record;
  v_context text;
begin
  -- One writer of a campaign's totals at a time. The count below runs in a later snapshot, so it
  -- sees all that committed before the lock was granted and never replaces newer figures by older.
  perform from gmaps_campaigns as campaign where campaign.id = p_campaign_id for no key update;
  if not found then
    raise exception using
      errcode = '23503', message = format('there is no campaign %s', coalesce(p_campaign_id::text, 'null'));
  end if;

  select counted.* into v_counted from count_campaign_businesses(p_campaign_id) as counted;

  update gmaps_campaigns as campaign
  set
    total_businesses_found = v_counted.total_businesses,
    total_emails_found = v_counted.total_emails,
    total_facebook_pages_found = v_counted.total_facebook_pages,
    total_linkedin_profiles_found = v_counted.total_linkedin_profiles,
    total_verified_emails = v_counted.total_verified_emails,
    updated_at = now()
  where campaign.id = p_campaign_id;

  return jsonb_build_object(
    'success', true,
    'message', 'Campaign statistics updated',
    'total_businesses', v_counted.total_businesses,
    'total_emails', v_counted.total_emails,
    'total_facebook_pages', v_counted.total_facebook_pages,
    'total_linkedin_profiles', v_counted.total_linkedin_profiles,
    'total_verified_emails', v_counted.total_verified_emails
  );
exception
  when others then
    get stacked diagnostics v_context = pg_exception_context;
    return caught_failure(sqlstate, sqlerrm, v_context);
end;
$$;
