create or replace function enrichment_problem(p_enrichment_type text, p_item jsonb)
returns text
language sql
immutable
parallel safe
begin atomic
  -- What keeps one enrichment from being applied to a business, whatever is in it; or null.
  select case
    when jsonb_typeof(p_item) <> 'object' then 'not a JSON object'
    when enrichment_business(p_item) is null then coalesce(
      field_problem(p_item, 'business_id', 'uuid'),
      field_problem(p_item, 'businessId', 'uuid'),
      'business_id is missing'
    )
    else field_problem(p_item, 'idempotency_key', 'text')
  end;
end;
