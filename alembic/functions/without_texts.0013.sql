create or replace function without_texts(p_texts text[], p_pattern text)
returns text[]
language sql
immutable
parallel safe
begin atomic
  -- A list of texts without what an erasure_pattern finds in them; without those that hold nothing else.
  select case
    when p_texts::text ~* p_pattern then array(
      select without_text(item.value, p_pattern)
      from unnest(p_texts) with ordinality as item(value, position)
      where without_text(item.value, p_pattern) is not null
      order by item.position
    )
    else p_texts
  end;
end;
