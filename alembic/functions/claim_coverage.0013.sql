create or replace function claim_coverage(
  p_campaign_id uuid,
  p_limit int default 10,
  p_worker varchar default null,
  p_lease_seconds int default 3600,
  p_unit_cost_usd numeric default null
)
returns jsonb
language plpgsql
security definer
set search_path from current
as $$
declare
  v_claimed record;
  v_zip_codes jsonb;
  v_context text;
begin
  -- Hands out ZIP codes to scrape, each to one worker until its lease ends.
  select claimed.* into v_claimed
  from claim_lookups(
    p_campaign_id, 'coverage', p_limit, p_worker, p_lease_seconds, p_unit_cost_usd
  ) as claimed;

  select coalesce(
    jsonb_agg(
      jsonb_build_object(
        'zip_code', coverage.zip_code,
        'keywords', coverage.keywords,
        'max_results', coverage.max_results
      )
      order by coverage.zip_code
    ),
    '[]'
  )
  into v_zip_codes
  from unnest(v_claimed.item_ids) as item(id)
  cross join lateral (
    select found.* from gmaps_campaign_coverage as found where found.id = item.id offset 0
  ) as coverage;
  return v_claimed.answer || jsonb_build_object('zip_codes', v_zip_codes);
exception
  when others then
    get stacked diagnostics v_context = pg_exception_context;
    return caught_failure(sqlstate, sqlerrm, v_context);
end;
$$;
