create or replace function update_email_verification(
  p_business_id uuid,
  p_email varchar,
  p_verification_data jsonb
)
returns jsonb
language plpgsql
security definer
set search_path from current
as $$
declare
  v_email text := scraped_text(p_email);
  v_problem text;
  v_locked_ids uuid[];
  v_stored record;
  v_late bigint;
  v_context text;
begin
  if v_email is null then
    raise exception using errcode = '22023', message = 'p_email is missing or blank';
  end if;
  if coalesce(jsonb_typeof(p_verification_data), 'null') <> 'object' then
    raise exception using errcode = '22023', message = 'p_verification_data is not a JSON object';
  end if;
  v_problem := verification_problem(p_verification_data);
  if v_problem is not null then
    raise exception using errcode = '22023', message = 'p_verification_data.' || v_problem;
  end if;
  perform hold_suppressions();
  p_verification_data := without_erased(p_verification_data);

  -- Enrichments, which may bring another address, wait for this, and so does every other verdict of
  -- the address.
  v_locked_ids := lock_businesses(array[p_business_id], array[v_email]);
  v_late := late_lookups(
    'verification', array[email_item(v_email)], array[p_verification_data ->> 'worker']
  );
  select stored.*
  into v_stored
  from store_verifications(
    array[p_business_id], array[v_email], array[p_verification_data], v_locked_ids
  ) as stored;
  if v_stored.problem is not null then
    raise exception using
      errcode = v_stored.problem_code,
      message = case when v_stored.problem_code = '23505' then 'p_verification_data.' else '' end
        || v_stored.problem;
  end if;

  return jsonb_build_object(
    'success', true,
    'message', 'Email verification stored',
    'business_id', p_business_id,
    'email', v_stored.email,
    'status', v_stored.status,
    'is_safe', v_stored.is_safe,
    'unrecognised_status', v_stored.unrecognised_status,
    'replayed', v_stored.replayed,
    'late', v_late > 0
  );
exception
  when others then
    get stacked diagnostics v_context = pg_exception_context;
    return caught_failure(sqlstate, sqlerrm, v_context);
end;
$$;
