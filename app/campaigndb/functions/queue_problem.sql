create or replace function queue_problem(p_enrichment_type text, p_limit int)
returns text
language sql
immutable
parallel safe
as $$
  -- Why a queue of businesses cannot be read, whichever way it is paged; null where it can.
  select case
    when not coalesce(p_enrichment_type in ('facebook', 'linkedin'), false)
      then 'p_enrichment_type is not one of facebook, linkedin'
    when p_limit < 1 then 'p_limit is less than 1'
  end;
$$;
