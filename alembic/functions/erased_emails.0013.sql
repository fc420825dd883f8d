create or replace function erased_emails(p_text text)
returns text[]
language plpgsql
stable
set plan_cache_mode to force_generic_plan
set jit to off
set enable_seqscan to off
set enable_hashjoin to off
set enable_mergejoin to off
as $$
declare
  v_words text[];
begin
  -- The addresses in a JSON document's text that were erased, in lower case. The list knows only
  -- their hashes, so each address of the document is looked up.
  v_words := array(
    select distinct lower(address.email)
    from (
      select distinct found.word[1] as word
      from regexp_matches(
        regexp_replace(p_text, '\\(u[0-9a-fA-F]{4}|.)', ' ', 'g'),
        '([^][:space:]"<>(){},;:|/?=&[]+(?:@|%40|&#0*64;|&#x0*40;|&commat;)[^][:space:]"<>(){},;:|/?=&[]+)',
        'gi'
      ) as found(word)
    ) as token
    -- Nearly every word is one clean address, which needs no taking apart.
    cross join lateral unnest(
      case
        when is_plain_email(token.word) then array[token.word]
        else email_words(decoded_entities(token.word)) || token.word
      end
    ) as address(email)
  );
  return array(
    select given.email
    from unnest(v_words) as given(email)
    where exists (
      select
      from gmaps_suppressions as listed
      where listed.is_erased and listed.kind = 'email' and listed.value_hash = suppression_hash(given.email)
    )
  );
end;
$$;
