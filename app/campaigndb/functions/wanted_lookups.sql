create or replace function wanted_lookups(p_kind text, p_item_ids uuid[])
returns table (item_id uuid)
language sql
stable
-- Items are looked up in the indexes, whatever the tables held when the plan was made.
set jit to off
set enable_seqscan to off
set enable_hashjoin to off
set enable_mergejoin to off
as $$
  -- Those of the items that are still worth paying for: others may have finished them meanwhile.
  select given.id
  from unnest(p_item_ids) as given(id)
  cross join lateral (
    select
    from gmaps_businesses as business
    where business.id = given.id
      and (
        (
          p_kind = 'facebook' and business.needs_enrichment and business.enrichment_status = 'pending'
        )
        or (p_kind = 'linkedin' and not business.linkedin_enriched)
      )
      and is_open_place(business.business_status)
    offset 0
  ) as wanted
  where p_kind in ('facebook', 'linkedin')
  union all
  select given.id
  from unnest(p_item_ids) as given(id)
  cross join lateral (
    select
    from gmaps_lookups as lookup
    join gmaps_businesses as business on business.id = lookup.business_id
    where lookup.kind = 'verification'
      and lookup.item_id = given.id
      and email_item(business.email) = given.id
      and coalesce(business.bouncer_status, 'unknown') = 'unknown'
      and is_open_place(business.business_status)
    offset 0
  ) as wanted
  where p_kind = 'verification'
  union all
  select given.id
  from unnest(p_item_ids) as given(id)
  cross join lateral (
    select from gmaps_campaign_coverage as coverage
    where coverage.id = given.id and not coverage.scraped
    offset 0
  ) as wanted
  where p_kind = 'coverage';
$$;
