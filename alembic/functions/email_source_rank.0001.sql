create or replace function email_source_rank(p_source text)
returns int
language sql
immutable
parallel safe
as $$
  -- An email from a better source is never replaced by one from a worse source.
  select case p_source
    when 'linkedin' then 3
    when 'facebook' then 2
    when 'google_maps' then 1
    else 0
  end;
$$;
