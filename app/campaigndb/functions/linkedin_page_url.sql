create or replace function linkedin_page_url(p_url text)
returns text
language sql
immutable
parallel safe
as $$
  -- A URL that can be a person's or a company's page; null for share links, bare hosts, other sites.
  select case
    when p_url ~* '^(https?://)?([a-z0-9-]+\.)*linkedin\.com/(in|pub|company|school|showcase|organization)/[^/?#\s]+'
      then p_url
  end;
$$;
