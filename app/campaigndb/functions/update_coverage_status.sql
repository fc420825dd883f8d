create or replace function update_coverage_status(
  p_campaign_id uuid,
  p_zip_code varchar,
  p_businesses_found int,
  p_emails_found int,
  p_actual_cost numeric
)
returns jsonb
language plpgsql
security definer
set search_path from current
set jit to off
set enable_seqscan to off
set enable_sort to off
as $$
declare
  v_now timestamptz := now();
  v_zip_code text := scraped_text(p_zip_code);
  v_coverage_id uuid;
  v_context text;
begin
  if v_zip_code is null then
    raise exception using errcode = '22023', message = 'p_zip_code is missing or blank';
  end if;
  if coalesce(p_businesses_found, -1) < 0 then
    raise exception using errcode = '22023', message = 'p_businesses_found is missing or negative';
  end if;
  if coalesce(p_emails_found, -1) < 0 then
    raise exception using errcode = '22023', message = 'p_emails_found is missing or negative';
  end if;
  -- NaN sorts above every number: the upper bound is what refuses it.
  if not coalesce(p_actual_cost >= 0 and round(p_actual_cost, 4) <= 99999999999999.9999, false) then
    raise exception using
      errcode = '22023', message = 'p_actual_cost is not between 0 and 99999999999999.9999';
  end if;

  -- Sets, never adds: a repeated call changes nothing. Only the unique index has the order that is
  -- asked for, hence enable_sort: where the statistics know small campaigns only, the planner would
  -- rather read all ZIP codes of the campaign.
  update gmaps_campaign_coverage as coverage
  set
    scraped = true,
    scraped_at = v_now,
    businesses_found = p_businesses_found,
    emails_found = p_emails_found,
    actual_cost = round(p_actual_cost, 4),
    updated_at = v_now
  where coverage.id = (
    select found.id
    from gmaps_campaign_coverage as found
    where found.campaign_id = p_campaign_id and found.zip_code between v_zip_code and v_zip_code
    order by found.zip_code
    limit 1
  )
  returning coverage.id into v_coverage_id;
  if not found then
    raise exception using
      errcode = '23503',
      message = format(
        'campaign %s has no coverage of ZIP code %s', coalesce(p_campaign_id::text, 'null'), shown_text(v_zip_code)
      );
  end if;

  perform finish_lookups('coverage', array[v_coverage_id]);
  return jsonb_build_object(
    'success', true,
    'message', 'Coverage updated',
    'campaign_id', p_campaign_id,
    'zip_code', v_zip_code,
    'businesses_found', p_businesses_found,
    'emails_found', p_emails_found
  );
exception
  when others then
    get stacked diagnostics v_context = pg_exception_context;
    return caught_failure(sqlstate, sqlerrm, v_context);
end;
$$;
