create or replace function email_verdict_rank(p_status text, p_is_safe boolean)
returns int
language sql
immutable
parallel safe
as $$
  -- Safe first, then what is not known yet, then risky; undeliverable only where there is no other.
  select case
    when p_status = 'undeliverable' then 0
    when coalesce(p_status, 'unknown') = 'unknown' then 2
    when p_is_safe then 3
    else 1
  end;
$$;
