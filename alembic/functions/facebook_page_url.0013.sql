create or replace function facebook_page_url(p_url text)
returns text
language sql
immutable
parallel safe
as $$
  -- A URL that can be a page; null for share links, plugins, logins, bare hosts and other sites.
  select case
    when p_url ~* '^(https?://)?([a-z0-9-]+\.)*(facebook|fb)\.(com|me)/[^/?#\s]+'
      and p_url !~* (
        '\.(com|me)/(sharer?([./?]|$)|share\.php|plugins/|dialog/|tr([/?]|$)|login([./?]|$)|l\.php|help([/?]|$)|home\.php'
        || '|(policies|privacy|recover)([/?]|$)|hashtag/|v[0-9.]+/|[0-9]{4}/fbml|watch([/?]|$)|#)'
      )
      then p_url
  end;
$$;
