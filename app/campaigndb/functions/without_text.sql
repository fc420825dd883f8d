create or replace function without_text(p_text text, p_pattern text)
returns text
language sql
immutable
parallel safe
as $$
  -- A text without what an erasure_pattern finds in it; null where nothing else is in it.
  select case
    when p_text ~* p_pattern then nullif(btrim(regexp_replace(p_text, p_pattern, '\1', 'gi')), '')
    else p_text
  end;
$$;
