create or replace function enrichment_business(p_item jsonb)
returns uuid
language sql
immutable
parallel safe
as $$
  -- The business that an item names, or null where it names none.
  select case
    when coalesce(p_item ->> 'business_id', p_item ->> 'businessId')
      ~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$'
      then coalesce(p_item ->> 'business_id', p_item ->> 'businessId')::uuid
  end;
$$;
