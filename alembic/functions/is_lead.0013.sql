create or replace function is_lead(
  p_emails text,
  p_email text,
  p_is_safe boolean,
  p_email_verified boolean,
  p_business_status text
)
returns boolean
language sql
immutable
parallel safe
as $$
  -- The one rule of which businesses are leads: open places with the kind of chosen address that is
  -- asked for. idx_businesses_safe_leads repeats its part for safe addresses.
  select coalesce(p_business_status, 'operational') = 'operational'
    and case p_emails
      when 'safe' then p_email is not null and p_is_safe
      when 'verified' then p_email is not null and p_email_verified
      when 'any' then p_email is not null
      else p_email is null
    end;
$$;
