create or replace function refuse_failures(p_parameter text, p_batch jsonb, p_failures jsonb)
returns void
language plpgsql
immutable
parallel safe
as $$
begin
  -- Ends a batch that was to go in as a whole and did not; the caller's exception block undoes it.
  if jsonb_typeof(p_batch) = 'object' and (p_batch -> 'all_or_nothing') = 'true' and p_failures <> '[]' then
    raise exception using
      errcode = case
        when p_failures -> 0 ->> 'reason' ~ '^(there is no such|neither) business ?' then '23503'
        else '22023'
      end,
      message = format(
        '%s.items[%s]: %s%s; nothing was stored',
        p_parameter,
        p_failures -> 0 ->> 'index',
        p_failures -> 0 ->> 'reason',
        case when jsonb_array_length(p_failures) > 1
          then format(' (and %s more)', jsonb_array_length(p_failures) - 1) else ''
        end
      );
  end if;
end;
$$;
