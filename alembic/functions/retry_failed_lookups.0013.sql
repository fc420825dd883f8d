create or replace function retry_failed_lookups(p_campaign_id uuid, p_kind varchar)
returns jsonb
language plpgsql
security definer
set search_path from current
set jit to off
set enable_seqscan to off
as $$
declare
  v_now timestamptz := now();
  v_given_up uuid[];
  v_retried bigint;
  v_context text;
begin
  if not coalesce(p_kind in ('facebook', 'linkedin', 'verification', 'coverage'), false) then
    raise exception using
      errcode = '22023', message = 'p_kind is not one of facebook, linkedin, verification, coverage';
  end if;
  -- A claim of the campaign, which locks its items, waits.
  perform from gmaps_campaigns as campaign where campaign.id = p_campaign_id for no key update;
  if not found then
    raise exception using
      errcode = '23503', message = format('there is no campaign %s', coalesce(p_campaign_id::text, 'null'));
  end if;

  with retried as (
    update gmaps_lookups as lookup
    set due_at = v_now, attempts = 0, failed_reason = null
    where lookup.campaign_id = p_campaign_id
      and lookup.kind = p_kind
      and lookup.claimed_at is null
      and lookup.due_at = 'infinity'
    returning lookup.item_id
  )
  select coalesce(array_agg(retried.item_id), '{}') into v_given_up from retried;
  v_retried := cardinality(v_given_up)::bigint;

  -- The businesses that earlier releases called failed have no row of their own to be reset.
  if p_kind = 'facebook' then
    with pending as (
      update gmaps_businesses as business
      set enrichment_status = 'pending', needs_enrichment = true, updated_at = v_now
      where business.campaign_id = p_campaign_id and business.enrichment_status = 'failed'
      returning business.id
    )
    select v_retried + count(*) into v_retried from pending where pending.id <> all (v_given_up);
  end if;
  return jsonb_build_object('success', true, 'retried', v_retried);
exception
  when others then
    get stacked diagnostics v_context = pg_exception_context;
    return caught_failure(sqlstate, sqlerrm, v_context);
end;
$$;
