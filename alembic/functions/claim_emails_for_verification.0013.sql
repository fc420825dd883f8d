create or replace function claim_emails_for_verification(
  p_campaign_id uuid,
  p_limit int default 100,
  p_worker varchar default null,
  p_lease_seconds int default 900,
  p_unit_cost_usd numeric default null
)
returns jsonb
language plpgsql
security definer
set search_path from current
as $$
declare
  v_claimed record;
  v_emails jsonb;
  v_context text;
begin
  -- Hands out addresses to verify, each to one worker until its lease ends.
  select claimed.* into v_claimed
  from claim_lookups(
    p_campaign_id, 'verification', p_limit, p_worker, p_lease_seconds, p_unit_cost_usd
  ) as claimed;

  select coalesce(
    jsonb_agg(
      jsonb_build_object(
        'business_id', business.id, 'email', business.email, 'source', business.email_source
      )
      order by business.verification_position, business.id
    ),
    '[]'
  )
  into v_emails
  from unnest(v_claimed.item_ids) as item(id)
  cross join lateral (
    select lookup.business_id
    from gmaps_lookups as lookup
    where lookup.kind = 'verification' and lookup.item_id = item.id
    offset 0
  ) as lookup
  cross join lateral (
    select found.* from gmaps_businesses as found where found.id = lookup.business_id offset 0
  ) as business;
  return v_claimed.answer || jsonb_build_object('emails', v_emails);
exception
  when others then
    get stacked diagnostics v_context = pg_exception_context;
    return caught_failure(sqlstate, sqlerrm, v_context);
end;
$$;
