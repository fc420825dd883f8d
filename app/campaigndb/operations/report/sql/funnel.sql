-- Each step counts those of the step before. Of exports the log knows how many leads, not which ones.
select
  count(*) as found,
  count(*) filter (where has_email) as with_email,
  count(*) filter (where has_email and email_verified) as verified,
  count(*) filter (where has_email and email_verified and is_safe) as safe,
  count(*) filter (
    where email_verified
      and {schema}.is_lead('safe', email, is_safe, email_verified, business_status)
  ) as ready,
  count(*) filter (where business_status = 'suppressed') as suppressed,
  (select count(*) from {schema}.gmaps_exports) as exports,
  (select coalesce(sum(leads), 0)::bigint from {schema}.gmaps_exports) as exported
from {schema}.gmaps_businesses
