create or replace function suppression_domain(p_text text)
returns text
language sql
immutable
parallel safe
as $$
  -- A domain as a suppression compares it: of "https://www.Acme.com./contact", "@acme.com" or
  -- "*.acme.com" it is "acme.com". Null where a text is none, or a whole top level.
  select case when given.domain ~ '^([^\s.@]+\.)+[^\s.@0-9][^\s.@]*$' and length(given.domain) <= 253 then given.domain end
  from (
    select regexp_replace(
      lower(btrim(p_text)), '^([a-z][a-z0-9+.-]*:)?(//)?([^/@]*@)?(\*\.)?(www\.)?|\.*(:[0-9]*)?([/?#].*)?$', '', 'g'
    ) as domain
  ) as given;
$$;
