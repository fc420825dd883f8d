create or replace function unclaimed_businesses(
  p_campaign_id uuid,
  p_kind text,
  p_after_position bigint,
  p_after_id uuid,
  p_limit int
)
returns table (item_id uuid, business_id uuid, queue_position bigint)
language plpgsql
stable
-- The queue is read in the order of its index, and each item looked up by its key, whatever the
-- tables held when the plan was made.
set jit to off
set enable_seqscan to off
set enable_bitmapscan to off
set enable_hashjoin to off
set enable_mergejoin to off
set enable_sort to off
as $$
#variable_conflict use_column
begin
  -- The first businesses of a queue, from a place on, that no claim has touched. Each queue's condition is spelled out,
  -- so that its partial index serves it.
  if p_kind = 'facebook' then
    return query
    select business.id, business.id, business.queue_position
    from gmaps_businesses as business
    left join lateral (
      select true as is_known
      from gmaps_lookups as lookup
      where lookup.kind = p_kind and lookup.item_id = business.id
      offset 0
    ) as lookup on true
    where business.campaign_id = p_campaign_id
      and business.needs_enrichment
      and business.enrichment_status = 'pending'
      and coalesce(business.business_status, 'operational') = 'operational'
      and (business.queue_position, business.id) >= (p_after_position, p_after_id)
      and lookup.is_known is null
    order by business.queue_position, business.id
    limit p_limit;
  elsif p_kind = 'linkedin' then
    return query
    select business.id, business.id, business.queue_position
    from gmaps_businesses as business
    left join lateral (
      select true as is_known
      from gmaps_lookups as lookup
      where lookup.kind = p_kind and lookup.item_id = business.id
      offset 0
    ) as lookup on true
    where business.campaign_id = p_campaign_id
      and not business.linkedin_enriched
      and coalesce(business.business_status, 'operational') = 'operational'
      and (business.queue_position, business.id) >= (p_after_position, p_after_id)
      and lookup.is_known is null
    order by business.queue_position, business.id
    limit p_limit;
  else
    return query
    select email_item(business.email), business.id, business.verification_position
    from gmaps_businesses as business
    left join lateral (
      select true as is_known
      from gmaps_lookups as lookup
      where lookup.kind = p_kind and lookup.item_id = email_item(business.email)
      offset 0
    ) as lookup on true
    where business.campaign_id = p_campaign_id
      and business.email is not null
      and coalesce(business.bouncer_status, 'unknown') = 'unknown'
      and coalesce(business.business_status, 'operational') = 'operational'
      and (business.verification_position, business.id) >= (p_after_position, p_after_id)
      and lookup.is_known is null
    order by business.verification_position, business.id
    limit p_limit;
  end if;
end;
$$;
