create or replace function is_plain_email(p_text text)
returns boolean
language sql
immutable
parallel safe
as $$
  -- Whether a text is one address without anything around it, as nearly all are: what has to be
  -- taken apart costs ten times as much.
  select p_text not like 'u00%' and p_text
    ~ '^[A-Za-z0-9]([A-Za-z0-9._+-]*[A-Za-z0-9_+-])?@([A-Za-z0-9][A-Za-z0-9-]*\.)+[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?$';
$$;
