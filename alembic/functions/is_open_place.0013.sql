create or replace function is_open_place(p_business_status text)
returns boolean
language sql
immutable
parallel safe
as $$
  -- A place that has closed, for good or for a while, is in no queue and no export.
  select coalesce(p_business_status, 'operational') = 'operational';
$$;
