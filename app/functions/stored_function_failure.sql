create or replace function stored_function_failure(p_sqlstate text, p_message text)
returns jsonb
language sql
immutable
parallel safe
as $$
  -- The one table of what callers are told about an SQLSTATE and whether a retry can help.
  select jsonb_build_object(
    'success', false,
    'error', case
      when p_sqlstate = '23505' then 'Duplicate record detected'
      when p_sqlstate = '23503' then 'Referenced record not found'
      when p_sqlstate = '40P01' then 'Operation conflict, please retry'
      when p_sqlstate = '40001' then 'Concurrent modification, please retry'
      when p_sqlstate = '55P03' then 'Resource busy, please retry'
      when p_sqlstate = '25001' then 'Must run in a SERIALIZABLE transaction'
      when left(p_sqlstate, 2) = '22' or p_sqlstate in ('23502', '23514')
        then 'Invalid input: ' || p_message
      else 'Database operation failed'
    end,
    'error_code', p_sqlstate,
    'error_detail', p_message,
    'retry_recommended', p_sqlstate in ('40P01', '40001', '55P03')
  );
$$;
