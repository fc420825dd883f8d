create or replace function advance_queue_heads(p_campaign_ids uuid[], p_kind text)
returns void
language plpgsql
set jit to off
set enable_seqscan to off
as $$
declare
  v_campaign_id uuid;
  v_horizon bigint := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
  v_position bigint;
  v_id uuid;
  v_first_position bigint;
  v_first_id uuid;
begin
  -- After results: the queues of these campaigns begin behind what is done by now, so that a reader
  -- does not pass it again, however long the dead entries of the index stay. Claims do the same. Where
  -- the snapshot is older than the last change, or somebody else does it, it is left to the next.
  if current_setting('transaction_isolation') <> 'read committed' then
    return;
  end if;
  foreach v_campaign_id in array p_campaign_ids loop
    insert into gmaps_queue_heads (campaign_id, kind) values (v_campaign_id, p_kind)
    on conflict do nothing;
    select head.queue_position, head.business_id
    into v_position, v_id
    from gmaps_queue_heads as head
    where head.campaign_id = v_campaign_id and head.kind = p_kind
    for update skip locked;
    if found then
      select unclaimed.queue_position, unclaimed.business_id
      into v_first_position, v_first_id
      from unclaimed_businesses(v_campaign_id, p_kind, v_position, v_id, 1) as unclaimed;
      if not found or v_first_position >= v_horizon then
        v_first_position := v_horizon;
        v_first_id := '00000000-0000-0000-0000-000000000000';
      end if;
      update gmaps_queue_heads as head
      set queue_position = v_first_position, business_id = v_first_id
      where head.campaign_id = v_campaign_id
        and head.kind = p_kind
        and (head.queue_position, head.business_id) < (v_first_position, v_first_id);
    end if;
  end loop;
end;
$$;
