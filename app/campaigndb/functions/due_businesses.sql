create or replace function due_businesses(
  p_campaign_id uuid,
  p_kind text,
  p_after_position bigint,
  p_after_id uuid,
  p_limit int,
  p_offset int
)
returns table (
  business_id uuid,
  campaign_id uuid,
  place_id text,
  name text,
  address text,
  city text,
  state text,
  postal_code text,
  phone text,
  website text,
  email text,
  facebook_url text,
  linkedin_url text,
  enrichment_status text,
  enrichment_attempts int,
  needs_enrichment boolean,
  created_at timestamptz,
  queue_position bigint
)
language plpgsql
stable
-- Only a queue's own index has its order, hence enable_sort: where the statistics know small campaigns
-- only, the planner would rather sort all businesses of the campaign. Planned once a session: planning
-- takes longer than a page.
set plan_cache_mode to force_generic_plan
set jit to off
set enable_seqscan to off
set enable_hashjoin to off
set enable_mergejoin to off
set enable_sort to off
as $$
#variable_conflict use_column
declare
  v_after_position bigint := coalesce(p_after_position, 0);
  v_after_id uuid := coalesce(p_after_id, '00000000-0000-0000-0000-000000000000');
  v_head_position bigint;
  v_head_id uuid;
  -- Held by somebody, or to be tried again later. Without an offset each row asks for itself: that
  -- reads no dead entry.
  v_waiting uuid[] := array(
    select lookup.item_id
    from gmaps_lookups as lookup
    where lookup.campaign_id = p_campaign_id
      and lookup.kind = p_kind
      and lookup.due_at > now()
      and p_offset > 0
  );
  -- Most often none: then a deep page asks this once, and not of every entry.
  v_none_waits boolean := v_waiting = '{}';
  -- Claimed before, and due again.
  v_due uuid[] := array(
    select lookup.item_id
    from gmaps_lookups as lookup
    where lookup.campaign_id = p_campaign_id and lookup.kind = p_kind and lookup.due_at <= now()
  );
begin
  -- A page of a queue: what is due and held by nobody, in the queue's order. Each queue's condition is
  -- spelled out, so that its partial index serves it. Before the queue's head there is only what was
  -- claimed before, so the index is read from there: its dead entries may be many, as long as an old
  -- snapshot is open. What comes before an offset is read in the index alone.
  select head.queue_position, head.business_id
  into v_head_position, v_head_id
  from gmaps_queue_heads as head
  where head.campaign_id = p_campaign_id and head.kind = p_kind and p_offset = 0;
  v_head_position := coalesce(v_head_position, 0);
  v_head_id := coalesce(v_head_id, '00000000-0000-0000-0000-000000000000');

  if p_kind = 'facebook' then
    if p_offset > 0 then
      select business.queue_position, business.id
      into v_after_position, v_after_id
      from gmaps_businesses as business
      where business.campaign_id = p_campaign_id
        and business.needs_enrichment
        and business.enrichment_status = 'pending'
        and coalesce(business.business_status, 'operational') = 'operational'
        and (v_none_waits or business.id not in (select waiting.id from unnest(v_waiting) as waiting(id)))
      order by business.queue_position, business.id
      offset p_offset - 1 limit 1;
    end if;
    return query
    (
      select
        business.id, business.campaign_id, business.place_id, business.name, business.address,
        business.city, business.state, business.postal_code, business.phone, business.website,
        business.email, business.facebook_url, business.linkedin_url, business.enrichment_status,
        business.enrichment_attempts, business.needs_enrichment, business.created_at,
        business.queue_position
      from unnest(v_due) as due(id)
      cross join lateral (
        select found.* from gmaps_businesses as found where found.id = due.id offset 0
      ) as business
      where business.campaign_id = p_campaign_id
        and business.needs_enrichment
        and business.enrichment_status = 'pending'
        and coalesce(business.business_status, 'operational') = 'operational'
        and (business.queue_position, business.id) > (v_after_position, v_after_id)
        and (business.queue_position, business.id) < (v_head_position, v_head_id)
      order by business.queue_position, business.id
      limit p_limit
    )
    union all
    (
      select
        business.id, business.campaign_id, business.place_id, business.name, business.address,
        business.city, business.state, business.postal_code, business.phone, business.website,
        business.email, business.facebook_url, business.linkedin_url, business.enrichment_status,
        business.enrichment_attempts, business.needs_enrichment, business.created_at,
        business.queue_position
      from gmaps_businesses as business
      left join lateral (
        select true as is_waiting
        from gmaps_lookups as waiting
        where p_offset = 0
          and waiting.kind = p_kind
          and waiting.item_id = business.id
          and waiting.due_at > now()
        offset 0
      ) as lookup on true
      where business.campaign_id = p_campaign_id
        and business.needs_enrichment
        and business.enrichment_status = 'pending'
        and coalesce(business.business_status, 'operational') = 'operational'
        and (business.queue_position, business.id) > (v_after_position, v_after_id)
        and (business.queue_position, business.id) >= (v_head_position, v_head_id)
        and lookup.is_waiting is null
        and business.id not in (select waiting.id from unnest(v_waiting) as waiting(id))
      order by business.queue_position, business.id
      limit p_limit
    )
    limit p_limit;
  else
    if p_offset > 0 then
      select business.queue_position, business.id
      into v_after_position, v_after_id
      from gmaps_businesses as business
      where business.campaign_id = p_campaign_id
        and not business.linkedin_enriched
        and coalesce(business.business_status, 'operational') = 'operational'
        and (v_none_waits or business.id not in (select waiting.id from unnest(v_waiting) as waiting(id)))
      order by business.queue_position, business.id
      offset p_offset - 1 limit 1;
    end if;
    return query
    (
      select
        business.id, business.campaign_id, business.place_id, business.name, business.address,
        business.city, business.state, business.postal_code, business.phone, business.website,
        business.email, business.facebook_url, business.linkedin_url, business.enrichment_status,
        business.enrichment_attempts, business.needs_enrichment, business.created_at,
        business.queue_position
      from unnest(v_due) as due(id)
      cross join lateral (
        select found.* from gmaps_businesses as found where found.id = due.id offset 0
      ) as business
      where business.campaign_id = p_campaign_id
        and not business.linkedin_enriched
        and coalesce(business.business_status, 'operational') = 'operational'
        and (business.queue_position, business.id) > (v_after_position, v_after_id)
        and (business.queue_position, business.id) < (v_head_position, v_head_id)
      order by business.queue_position, business.id
      limit p_limit
    )
    union all
    (
      select
        business.id, business.campaign_id, business.place_id, business.name, business.address,
        business.city, business.state, business.postal_code, business.phone, business.website,
        business.email, business.facebook_url, business.linkedin_url, business.enrichment_status,
        business.enrichment_attempts, business.needs_enrichment, business.created_at,
        business.queue_position
      from gmaps_businesses as business
      left join lateral (
        select true as is_waiting
        from gmaps_lookups as waiting
        where p_offset = 0
          and waiting.kind = p_kind
          and waiting.item_id = business.id
          and waiting.due_at > now()
        offset 0
      ) as lookup on true
      where business.campaign_id = p_campaign_id
        and not business.linkedin_enriched
        and coalesce(business.business_status, 'operational') = 'operational'
        and (business.queue_position, business.id) > (v_after_position, v_after_id)
        and (business.queue_position, business.id) >= (v_head_position, v_head_id)
        and lookup.is_waiting is null
        and business.id not in (select waiting.id from unnest(v_waiting) as waiting(id))
      order by business.queue_position, business.id
      limit p_limit
    )
    limit p_limit;
  end if;
end;
$$;
