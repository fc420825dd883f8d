create or replace function email_item(p_email text)
returns uuid
language sql
immutable
parallel safe
as $$
  -- What an address is called as the item of a lookup: the same in any letter case.
  select md5(lower(p_email))::uuid;
$$;
