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
as $$
declare
  v_now timestamptz := now();
  v_zip_code text := scraped_text(p_zip_code);
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

  -- Sets, never adds: a repeated call changes nothing.
  update gmaps_campaign_coverage as coverage
  set
    scraped = true,
    scraped_at = v_now,
    businesses_found = p_businesses_found,
    emails_found = p_emails_found,
    actual_cost = round(p_actual_cost, 4),
    updated_at = v_now
  where coverage.campaign_id = p_campaign_id and coverage.zip_code = v_zip_code;
  if not found then
    raise exception using
      errcode = '23503',
      message = format(
        'campaign %s has no coverage of ZIP code %s', coalesce(p_campaign_id::text, 'null'), left(v_zip_code, 100)
      );
  end if;

  return jsonb_build_object(
    'success', true,
    'campaign_id', p_campaign_id,
    'zip_code', v_zip_code,
    'businesses_found', p_businesses_found,
    'emails_found', p_emails_found
  );
exception
  when others then
    return stored_function_failure(sqlstate, sqlerrm);
end;
$$;
