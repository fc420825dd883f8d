create or replace function suppressed_emails(p_emails text[])
returns text[]
language plpgsql
stable
-- Looked up in the index, whatever the table held when the plan was made; planned once a session.
set plan_cache_mode to force_generic_plan
set jit to off
set enable_seqscan to off
set enable_hashjoin to off
set enable_mergejoin to off
as $$
begin
  -- Those of the addresses that nobody may write to, in lower case: each is suppressed itself, or by
  -- its domain or one above it.
  if not exists (select from gmaps_suppressions as listed where listed.kind in ('email', 'domain')) then
    return '{}'::text[];
  end if;
  return array(
    select given.email
    from (select distinct lower(item.email) as email from unnest(p_emails) as item(email)) as given
    where exists (
      select
      from gmaps_suppressions as listed
      where listed.kind = 'email' and listed.value_hash = suppression_hash(given.email)
    )
    or exists (
      select
      from domains_of_email(given.email) as part(domain)
      cross join lateral (
        select
        from gmaps_suppressions as listed
        where listed.kind = 'domain' and listed.value_hash = suppression_hash(part.domain)
        offset 0
      ) as found
    )
  );
end;
$$;
