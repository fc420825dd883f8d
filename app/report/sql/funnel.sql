-- Each step counts those of the step before.
select
  count(*) as found,
  count(*) filter (where has_email) as with_email,
  count(*) filter (where has_email and email_verified) as verified,
  count(*) filter (where has_email and email_verified and is_safe) as safe
from {schema}.gmaps_businesses
