create or replace function erasure_pattern(p_emails text[])
returns text
language sql
immutable
parallel safe
as $$
  -- The regular expression that finds one of these addresses in any text, with what is before it as
  -- its first group: in any letter case, as a link or as a page's source writes it, and also right
  -- behind an escape of JSON's. Not where it is the end of a longer address or the beginning of one.
  select '(^|[^[:alnum:]._+-]|%[0-9a-f]{2}|\\[bfnrt]|\\u[0-9a-f]{4})(?:'
    || string_agg(
      replace(
        replace(
          regexp_replace(given.email, '([].+*?^$|(){}\\[])', '\\\1', 'g'),
          '@', '(?:@|%40|&#0*64;|&#x0*40;|&commat;)'
        ),
        '\+', '(?:\+|%2b)'
      ),
      '|'
    )
    || ')(?![[:alnum:]_-]|\.[[:alnum:]])'
  from unnest(p_emails) as given(email);
$$;
