create or replace function claim_lookups(
  p_campaign_id uuid,
  p_kind text,
  p_limit int,
  p_worker text,
  p_lease_seconds int,
  p_unit_cost_usd numeric
)
returns table (item_ids uuid[], answer jsonb)
language plpgsql
set jit to off
set enable_seqscan to off
as $$
#variable_conflict use_variable
declare
  v_leased_until timestamptz := now() + make_interval(secs => p_lease_seconds);
  -- Every transaction before this one has ended: nothing that it put into a queue appears later.
  v_horizon bigint := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
  v_nobody uuid := '00000000-0000-0000-0000-000000000000'::uuid;
  v_claim record;
  v_held int;
  v_left int;
  v_head_position bigint;
  v_head_id uuid;
  v_rewound_at timestamptz;
  v_found record;
  v_leased uuid[];
begin
  -- What the three kinds of claims share: all but which fields of an item they return.
  item_ids := '{}'::uuid[];
  select opened.* into v_claim
  from open_claim(p_campaign_id, p_limit, p_worker, p_lease_seconds, p_unit_cost_usd) as opened;
  answer := jsonb_build_object(
    'success', true,
    'leased_until', v_leased_until,
    'budget_left', v_claim.budget_left,
    'budget_exhausted', false,
    'campaign_status', v_claim.campaign_status
  );
  if not v_claim.is_open then
    return next;
    return;
  end if;

  select reclaimed.item_ids, reclaimed.held into item_ids, v_held
  from reclaim_lookups(
    p_campaign_id, p_kind, p_limit, v_claim.affordable, v_claim.max_attempts, p_worker,
    v_leased_until, p_unit_cost_usd
  ) as reclaimed;
  v_left := least(p_limit - v_held, v_claim.affordable) - (cardinality(item_ids) - v_held);

  if p_kind = 'coverage' and v_left > 0 then
    select array_agg(coverage.id order by coverage.id) as item_ids into v_found
    from (
      select coverage.id
      from gmaps_campaign_coverage as coverage
      left join lateral (
        select true as is_known
        from gmaps_lookups as lookup
        where lookup.kind = p_kind and lookup.item_id = coverage.id
        offset 0
      ) as lookup on true
      where coverage.campaign_id = p_campaign_id and not coverage.scraped and lookup.is_known is null
      limit v_left
    ) as coverage;
    v_leased := lease_lookups(
      p_campaign_id, p_kind, v_found.item_ids, null, p_worker, v_leased_until, p_unit_cost_usd
    );
    item_ids := item_ids || v_leased;
    v_left := v_left - cardinality(v_leased);
  elsif v_left > 0 then
    select head.queue_position, head.business_id, head.rewound_at
    into v_head_position, v_head_id, v_rewound_at
    from gmaps_queue_heads as head
    where head.campaign_id = p_campaign_id and head.kind = p_kind;
    if not found then
      v_head_position := 0;
      v_head_id := v_nobody;
      v_rewound_at := now();
    end if;

    loop
      select
        coalesce(array_agg(unclaimed.item_id), '{}') as item_ids,
        coalesce(array_agg(unclaimed.business_id), '{}') as business_ids,
        coalesce(max(unclaimed.queue_position), 0) as last_position,
        (array_agg(unclaimed.business_id))[count(*)] as last_id
      into v_found
      from unclaimed_businesses(
        p_campaign_id, p_kind, v_head_position, v_head_id, v_left
      ) as unclaimed;
      v_leased := lease_lookups(
        p_campaign_id, p_kind, v_found.item_ids, v_found.business_ids, p_worker, v_leased_until,
        p_unit_cost_usd
      );
      item_ids := item_ids || v_leased;

      -- The next claim reads from where this one ended, but from no later than what transactions
      -- that are still running may add.
      if cardinality(v_found.item_ids) = v_left and v_found.last_position < v_horizon then
        v_head_position := v_found.last_position;
        v_head_id := v_found.last_id;
      elsif v_horizon > v_head_position then
        v_head_position := v_horizon;
        v_head_id := v_nobody;
      end if;
      v_left := v_left - cardinality(v_leased);
      exit when v_left <= 0;
      if cardinality(v_found.item_ids) = v_left + cardinality(v_leased) then
        -- A full page, of which others took some, or which named an address twice.
        exit when v_leased = '{}';
        continue;
      end if;
      -- Nothing is left. To be sure, the queue is read from its very beginning now and then: a
      -- restored database counts transactions anew.
      exit when v_rewound_at > now() - interval '10 minutes';
      v_head_position := 0;
      v_head_id := v_nobody;
      v_rewound_at := now();
    end loop;

    insert into gmaps_queue_heads as head (
      campaign_id, kind, queue_position, business_id, rewound_at
    )
    values (
      p_campaign_id, p_kind, v_head_position, v_head_id, v_rewound_at
    )
    on conflict (campaign_id, kind) do update
    set
      queue_position = excluded.queue_position,
      business_id = excluded.business_id,
      rewound_at = excluded.rewound_at
    where (head.queue_position, head.business_id, head.rewound_at)
      is distinct from (excluded.queue_position, excluded.business_id, excluded.rewound_at);
  end if;

  answer := answer || jsonb_build_object(
    'budget_left',
    v_claim.budget_left - (cardinality(item_ids) - v_held) * coalesce(p_unit_cost_usd, 0),
    'budget_exhausted',
    v_claim.affordable < p_limit - v_held and cardinality(item_ids) - v_held = v_claim.affordable
  );
  return next;
end;
$$;
