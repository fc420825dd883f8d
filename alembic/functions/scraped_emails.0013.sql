create or replace function scraped_emails(p_text text)
returns text[]
language sql
immutable
parallel safe
begin atomic
  -- usable_emails for texts that are nearly always one clean address or none, as its own test for
  -- that costs a call.
  select case
    when p_text = '' then '{}'
    when p_text ~ '^[A-Za-z0-9]([A-Za-z0-9._+-]*[A-Za-z0-9_+-])?@([A-Za-z0-9][A-Za-z0-9-]*\.)+[A-Za-z][A-Za-z0-9-]*$'
      and is_usable_email(p_text)
      then array[p_text]
    else usable_emails(p_text)
  end;
end;
