create or replace function caught_failure(p_sqlstate text, p_message text, p_context text)
returns jsonb
language plpgsql
as $$
declare
  v_failure jsonb := stored_function_failure(p_sqlstate, p_message);
  v_stack text;
  v_function text;
begin
  -- An exception block hides a fault of the server's or of the schema's from the server's log, so
  -- it is written there. Without the error's detail, which quotes the row. The context ends at the
  -- function that caught the error: what called it may quote parameters.
  if v_failure ->> 'error' = 'Database operation failed' then
    get diagnostics v_stack = pg_context;
    v_function := substring(split_part(v_stack, E'\n', 2) from '(\w+)\(');
    raise log '%', format(
      'campaigndb: %s.%s failed with %s: %s; context: %s',
      current_schema(),
      v_function,
      p_sqlstate,
      v_failure ->> 'error_detail',
      regexp_replace(
        substring(p_context from '^.*?\m' || v_function || '\(.*?(?=\n|$)'), '\s+', ' ', 'g'
      )
    );
  end if;
  return v_failure;
end;
$$;
