create or replace function email_source_rank(p_source text)
returns int
language sql
immutable
parallel safe
as $$
  -- Which of two addresses leads where their verdicts say the same. What a person entered is meant;
  -- an address that a pattern guessed may belong to nobody.
  select case p_source
    when 'manual' then 4
    when 'linkedin' then 3
    when 'facebook' then 2
    when 'google_maps' then 1
    else 0
  end;
$$;
