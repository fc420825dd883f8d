create or replace function without_contact(p_json jsonb, p_pattern text, p_is_nested boolean)
returns jsonb
language plpgsql
immutable
parallel safe
as $$
declare
  v_held text[];
  v_groups text[];
begin
  -- A scraper's record without an address and what came with it; null where nothing of it is to stay.
  -- What an erasure_pattern finds is taken out everywhere. An object within the record that says
  -- `"email": "…"` is that person's and goes as a whole, as do the columns of a table that make such
  -- an object (email_1_full_name, contacts/0/title). In the record itself, which is a place's, a
  -- person's names, titles and profiles go, and what an export has written to that person.
  if p_json::text !~* p_pattern then
    return p_json;
  end if;
  if jsonb_typeof(p_json) = 'string' then
    return to_jsonb(coalesce(without_text(p_json #>> '{}', p_pattern), ''));
  end if;
  if jsonb_typeof(p_json) = 'array' then
    return (
      select coalesce(jsonb_agg(kept.value order by kept.position), '[]')
      from (
        select item.position, without_contact(item.value, p_pattern, true) as value
        from jsonb_array_elements(p_json) with ordinality as item(value, position)
      ) as kept
      where kept.value is not null and kept.value <> '""'
    );
  end if;

  v_held := array(
    select member.key
    from jsonb_each(p_json) as member
    where jsonb_typeof(member.value) = 'string' and member.value #>> '{}' ~* p_pattern
  );
  if p_is_nested and exists (select from unnest(v_held) as held(key) where held.key ~* 'mail') then
    return null;
  end if;
  v_groups := array(
    select coalesce(substring(held.key from '^(.*[/.])[^/.]*[[:alpha:]][^/.]*$'), held.key || '_')
    from unnest(v_held) as held(key)
    where held.key ~* 'mail'
  );
  return (
    select jsonb_object_agg(kept.key, kept.value)
    from (
      select member.key, without_contact(member.value, p_pattern, true) as value
      from jsonb_each(p_json) as member
      where member.key !~* p_pattern
        and not exists (select from unnest(v_groups) as part(prefix) where starts_with(member.key, part.prefix))
        and (
          v_held = '{}'
          or (
            regexp_replace(lower(member.key), '[^a-z]', '', 'g')
              !~ '^((person|contact|owner|full|first|last|given|family|middle|sender)s?names?|(person|job|contact|owner)s?(title|position|role|headline|profile(url)?|linkedin(url)?)|headline|occupation|icebreaker|subjectline|linkedinphones)$'
            and member.value::text !~* 'linkedin\.com/(in|pub)/'
          )
        )
    ) as kept
    where kept.value is not null
  );
end;
$$;
