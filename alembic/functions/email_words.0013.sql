create or replace function email_words(p_text text)
returns text[]
language plpgsql
immutable
parallel safe
-- It calls a helper, and a cluster's node calls it with another path.
set search_path from current
as $$
declare
  -- What stands at the edge of an address without a space: dots, dashes, quotes.
  c_ornaments constant text := E'.-\u2013\u2014*\u2022\u00b7!#~''\u2018\u2019\u00b4`\u2026';
  v_text text := p_text;
  v_word text;
  v_local text;
  v_domain text;
  v_candidates text[];
  v_separators text;
  v_words text[] := '{}'::text[];
  v_are_plain boolean;
begin
  -- The words of a text that have the form of an address, cleaned of what stands around them, each
  -- once, in their order.

  -- Mostly there is nothing around them.
  foreach v_word in array coalesce(string_to_array(p_text, ' '), '{}') loop
    continue when v_word = '';
    v_are_plain := length(v_word) <= 320 and is_plain_email(v_word);
    exit when not v_are_plain;
    v_words := v_words || v_word;
  end loop;

  if v_are_plain is not true then
    v_words := '{}'::text[];
    -- mailto: links are percent-encoded. ASCII is decoded, which is all that addresses hold.
    if v_text ~ '%[0-7][0-9a-fA-F]' then
      v_text := (
        select string_agg(
          coalesce(part.piece[1], chr(('x' || lpad(part.piece[2], 8, '0'))::bit(32)::int)),
          '' order by part.position
        )
        from regexp_matches(
          v_text, '([^%]+|%(?!0[9adAD]|[2-7][0-9a-fA-F]))|%(0[9adAD]|[2-7][0-9a-fA-F])', 'g'
        ) with ordinality as part(piece, position)
      );
    end if;

    -- In an address "&" and "=" are rare; in the query of a link they separate.
    v_separators := E' \t\r\n\u000b\u000c,;:<>(){}"|/?' || case when strpos(p_text, '?') > 0 then '&=' else '' end;
    if octet_length(v_text) = length(v_text) then
      v_candidates := regexp_split_to_array(v_text, '[][\\' || v_separators || ']+');
    else
      v_separators := v_separators || E'\\[]\u00a0\u2002\u2003\u2009\u202f\u3000\u201c\u201d\u201e\u00ab\u00bb';
      v_candidates := string_to_array(
        translate(
          v_text,
          -- Separators become spaces; what is invisible is removed.
          v_separators
            || E'\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\ufeff',
          repeat(' ', length(v_separators))
        ),
        ' '
      );
    end if;

    foreach v_word in array coalesce(v_candidates, '{}') loop
      continue when strpos(v_word, '@') = 0 or length(v_word) > 320 or split_part(v_word, '@', 3) <> '';
      -- A page's script writes "<" and ">" as \u003c and \u003e.
      v_local := regexp_replace(ltrim(split_part(v_word, '@', 1), c_ornaments), '^u00(3[ce]|22)', '');
      v_domain := rtrim(split_part(v_word, '@', 2), c_ornaments);
      if v_local <> ''
        and v_domain !~ E'[_!#$%&*+=''\u2018\u2019`~^]'
        and v_domain ~ '^([^.-][^.]*\.)+[^.0-9-][^.]*$'
      then
        v_words := v_words || (v_local || '@' || v_domain);
      end if;
    end loop;
  end if;

  if cardinality(v_words) < 2
    or (cardinality(v_words) = 2 and lower(v_words[1]) <> lower(v_words[2]))
  then
    return v_words;
  end if;
  return array(
    select first.word
    from (
      select distinct on (lower(listed.word)) listed.word, listed.position
      from unnest(v_words) with ordinality as listed(word, position)
      order by lower(listed.word), listed.position
    ) as first
    order by first.position
  );
end;
$$;
