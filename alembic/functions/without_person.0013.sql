create or replace function without_person(p_item jsonb)
returns jsonb
language sql
immutable
parallel safe
begin atomic
  -- An item of LinkedIn's about somebody who was erased: whose lookup it is and how it ended, the
  -- company, and other addresses. An item about a company is kept.
  select case
    when reading.profile_type = 'company' and reading.person_name is null then p_item
    else jsonb_strip_nulls(
      jsonb_build_object(
        'business_id', enrichment_business(p_item),
        'idempotency_key', p_item -> 'idempotency_key',
        'worker', p_item -> 'worker',
        'success', outcome.success,
        'error_message', outcome.error_message,
        'company_name', reading.company_name,
        'emails_found', nullif(reading.emails_found, '{}')
      )
    )
  end
  from read_linkedin_item(p_item) as reading
  cross join read_outcome(p_item) as outcome;
end;
