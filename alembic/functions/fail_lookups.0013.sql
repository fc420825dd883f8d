create or replace function fail_lookups(
  p_kind text,
  p_item_ids uuid[],
  p_business_ids uuid[],
  p_reasons text[],
  p_keys text[]
)
returns void
language plpgsql
-- Items are looked up in the indexes, whatever the tables held when the plan was made.
set jit to off
set enable_seqscan to off
set enable_hashjoin to off
set enable_mergejoin to off
as $$
declare
  -- Taken once: a cluster adds no interval within CASE.
  v_now timestamptz := now();
  v_soon timestamptz := v_now + interval '15 minutes';
  v_later timestamptz := v_now + interval '1 hour';
  v_last timestamptz := v_now + interval '4 hours';
  v_owned record;
  v_given_up uuid[];
  v_written bigint;
begin
  -- Ends the leases of lookups that failed; the arrays are parallel. Each is due again after a wait that
  -- grows, until the campaign's number of attempts is used up: then it is given up, and the business is
  -- `failed`. A failure that is told twice under one idempotency key is one attempt.

  -- A result can come without a claim.
  select
    array_agg(owned.id) as ids,
    array_agg(owned.campaign_id) as campaign_ids,
    array_agg(owned.business_id) as business_ids
  into v_owned
  from (
    select distinct on (item.id) item.id, business.campaign_id, item.business_id
    from unnest(p_item_ids, p_business_ids) as item(id, business_id)
    cross join lateral (
      select stored.campaign_id
      from gmaps_businesses as stored
      where stored.id = item.business_id
      offset 0
    ) as business
    order by item.id
  ) as owned;
  -- From arrays: a cluster sends the rows of a WITH that an INSERT reads to all of its nodes.
  with put as (
    insert into gmaps_lookups (item_id, kind, campaign_id, business_id, due_at)
    select owned.id, p_kind, owned.campaign_id, owned.business_id, v_now
    from unnest(v_owned.ids, v_owned.campaign_ids, v_owned.business_ids)
      as owned(id, campaign_id, business_id)
    order by owned.id
    on conflict do nothing
    returning 1
  )
  select count(*) into strict v_written from put;

  with failure as materialized (
    select distinct on (item.id) item.id, item.reason, item.key
    from unnest(p_item_ids, p_reasons, p_keys) as item(id, reason, key)
    order by item.id
  ),
  failed as (
    update gmaps_lookups as lookup
    set
      attempts = lookup.attempts + 1,
      claimed_at = null,
      worker = null,
      reserved_usd = 0,
      failed_reason = item.reason,
      failed_key = item.key,
      due_at = case
        when lookup.attempts + 1 >= item.max_attempts then 'infinity'
        when lookup.attempts = 0 then v_soon
        when lookup.attempts = 1 then v_later
        else v_last
      end
    from (
      select
        found.item_id,
        found.kind,
        failure.key,
        shown_text(failure.reason, 200) as reason,
        campaign.max_lookup_attempts as max_attempts
      from failure
      cross join lateral (
        select stored.item_id, stored.kind, stored.campaign_id, stored.failed_key
        from gmaps_lookups as stored
        where stored.item_id = failure.id and stored.kind = p_kind
        offset 0
      ) as found
      cross join lateral (
        select owner.max_lookup_attempts
        from gmaps_campaigns as owner
        where owner.id = found.campaign_id
        offset 0
      ) as campaign
      where failure.key is distinct from found.failed_key or failure.key is null
    ) as item
    where lookup.item_id = item.item_id and lookup.kind = item.kind
    returning lookup.item_id, lookup.due_at
  )
  select array_agg(failed.item_id) into v_given_up from failed where failed.due_at = 'infinity';

  if p_kind = 'facebook' and v_given_up is not null then
    update gmaps_businesses as business
    set enrichment_status = 'failed', updated_at = v_now
    where business.id = any (v_given_up) and business.enrichment_status = 'pending';
  end if;
end;
$$;
