create or replace function is_place_id(p_place_id text)
returns boolean
language sql
immutable
parallel safe
as $$
  -- Whether a place is stored under a place_id, and not under its cid or data_id for want of one.
  select not (p_place_id like 'cid:%' or p_place_id ~* '^0x[0-9a-f]+:0x[0-9a-f]+$');
$$;
