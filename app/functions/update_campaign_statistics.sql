create or replace function update_campaign_statistics(p_campaign_id uuid)
returns jsonb
language plpgsql
security definer
set search_path from current
as $$
declare
  v_businesses bigint;
  v_emails bigint;
  v_facebook_pages bigint;
  v_linkedin_profiles bigint;
  v_verified_emails bigint;
begin
  -- One writer of a campaign's totals at a time. The count below runs in a later snapshot, so it
  -- sees all that committed before the lock was granted and never replaces newer figures by older.
  perform from gmaps_campaigns as campaign where campaign.id = p_campaign_id for no key update;
  if not found then
    raise exception using
      errcode = '23503', message = format('there is no campaign %s', coalesce(p_campaign_id::text, 'null'));
  end if;

  select
    count(*),
    count(*) filter (where business.has_email),
    count(*) filter (where business.has_facebook_page),
    count(*) filter (where business.has_linkedin_profile),
    count(*) filter (where business.has_email and business.email_verified)
  into v_businesses, v_emails, v_facebook_pages, v_linkedin_profiles, v_verified_emails
  from gmaps_businesses as business
  where business.campaign_id = p_campaign_id;

  update gmaps_campaigns as campaign
  set
    total_businesses_found = v_businesses,
    total_emails_found = v_emails,
    total_facebook_pages_found = v_facebook_pages,
    total_linkedin_profiles_found = v_linkedin_profiles,
    total_verified_emails = v_verified_emails,
    updated_at = now()
  where campaign.id = p_campaign_id;

  return jsonb_build_object(
    'success', true,
    'total_businesses', v_businesses,
    'total_emails', v_emails,
    'total_facebook_pages', v_facebook_pages,
    'total_linkedin_profiles', v_linkedin_profiles,
    'total_verified_emails', v_verified_emails
  );
exception
  when others then
    return stored_function_failure(sqlstate, sqlerrm);
end;
$$;
