create or replace function listed_failure(p_index int, p_item jsonb, p_reason text)
returns jsonb
language sql
immutable
parallel safe
as $$
  -- An item of a batch that was not applied, as the result lists it.
  select jsonb_build_object(
    'index', p_index,
    -- Not what is no id anyway: it can be as large and as deep as a whole document.
    'business_id', case
      when jsonb_typeof(p_item -> 'business_id') in ('string', 'number')
        and length(p_item ->> 'business_id') <= 100
        then p_item -> 'business_id'
    end,
    'reason', p_reason
  );
$$;
