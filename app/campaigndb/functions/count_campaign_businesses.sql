create or replace function count_campaign_businesses(p_campaign_id uuid)
returns table (
  total_businesses bigint,
  total_emails bigint,
  total_facebook_pages bigint,
  total_linkedin_profiles bigint,
  total_verified_emails bigint
)
language plpgsql
stable
as $$
begin
  -- A million businesses are counted while the campaign is locked. Of a query in PL/pgSQL only this
  -- form lets the server use parallel workers; SELECT INTO does not.
  return query
  select
    count(*),
    count(*) filter (where business.has_email),
    count(*) filter (where business.has_facebook_page),
    count(*) filter (where business.has_linkedin_profile),
    count(*) filter (where business.has_email and business.email_verified)
  from gmaps_businesses as business
  where business.campaign_id = p_campaign_id;
end;
$$;
