create or replace function update_email_verifications_batch(p_verifications jsonb)
returns jsonb
language plpgsql
security definer
set search_path from current
as $$
declare
  v_batch jsonb := p_verifications;
  v_positions int[];
  v_business_ids uuid[];
  v_emails text[];
  v_answers jsonb[];
  v_locked_ids uuid[];
  v_failures jsonb;
  v_refused jsonb;
  v_updated bigint;
  v_unrecognised jsonb;
  v_late bigint;
  v_context text;
begin
  p_verifications := batch_items('p_verifications', p_verifications);
  perform hold_suppressions();
  p_verifications := without_erased(p_verifications);

  -- What can be judged without the tables. Only answers that are some are worth a lock.
  with given as materialized (
    select
      (element.position - 1)::int as index,
      element.item,
      enrichment_business(element.item) as business_id,
      coalesce(
        json_text(element.item -> 'email'),
        json_text(element.item -> 'address'),
        json_text(element.item #> '{data,email}'),
        json_text(element.item #> '{address_info,original_email}'),
        json_text(element.item -> 'email_address')
      ) as email,
      -- The answer beside the address, or apart from it as in the call for a single one.
      case
        when jsonb_typeof(element.item) <> 'object' then null
        when jsonb_typeof(element.item -> 'verification_data') = 'object' then jsonb_strip_nulls(
          jsonb_build_object('idempotency_key', element.item -> 'idempotency_key')
        ) || (element.item -> 'verification_data')
        else element.item - '{business_id,businessId}'::text[]
      end as answer
    from jsonb_array_elements(p_verifications) with ordinality as element(item, position)
  ),
  judged as materialized (
    select
      given.*,
      case
        when given.answer is null then 'not a JSON object'
        when given.business_id is null then enrichment_problem('verification', given.item)
        when given.email is null then 'email is missing'
        else verification_problem(given.answer)
      end as problem
    from given
  )
  select
    array_agg(judged.index order by judged.index) filter (where judged.problem is null),
    array_agg(judged.business_id order by judged.index) filter (where judged.problem is null),
    array_agg(judged.email order by judged.index) filter (where judged.problem is null),
    array_agg(judged.answer order by judged.index) filter (where judged.problem is null),
    coalesce(
      jsonb_agg(listed_failure(judged.index, judged.item, judged.problem) order by judged.index)
        filter (where judged.problem is not null),
      '[]'
    )
  into v_positions, v_business_ids, v_emails, v_answers, v_failures
  from judged;

  v_locked_ids := lock_businesses(v_business_ids, v_emails);
  v_late := late_lookups(
    'verification',
    array(
      select email_item(given.email)
      from unnest(v_emails) with ordinality as given(email, position)
      order by given.position
    ),
    array(
      select given.answer ->> 'worker'
      from unnest(v_answers) with ordinality as given(answer, position)
      order by given.position
    )
  );
  select
    count(*) filter (where stored.problem is null),
    coalesce(
      jsonb_agg(
        listed_failure(
          v_positions[stored.index + 1], p_verifications -> v_positions[stored.index + 1], stored.problem
        )
        order by stored.index
      ) filter (where stored.problem is not null),
      '[]'
    ),
    coalesce(
      jsonb_agg(distinct stored.unrecognised_status)
        filter (where stored.problem is null and stored.unrecognised_status is not null),
      '[]'
    )
  into v_updated, v_refused, v_unrecognised
  from store_verifications(v_business_ids, v_emails, v_answers, v_locked_ids) as stored;

  v_failures := (
    select coalesce(jsonb_agg(failure.value order by (failure.value ->> 'index')::int), '[]')
    from jsonb_array_elements(v_failures || v_refused) as failure(value)
  );
  perform refuse_failures('p_verifications', v_batch, v_failures);

  return jsonb_build_object(
    'success', true,
    'message', format('Verifications stored: %s, failed: %s', v_updated, jsonb_array_length(v_failures)),
    'updated', v_updated,
    'failed', jsonb_array_length(v_failures),
    'failures', v_failures,
    'unrecognised_statuses', v_unrecognised,
    'late', v_late
  );
exception
  when others then
    get stacked diagnostics v_context = pg_exception_context;
    return caught_failure(sqlstate, sqlerrm, v_context);
end;
$$;
