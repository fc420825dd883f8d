create or replace function isolation_problem(p_function text)
returns text
language sql
stable
parallel safe
as $$
  -- A function's own setting only reaches callers whose server hoists it; a plain SELECT runs at the
  -- level of the transaction it is in.
  select case
    when current_setting('transaction_isolation') <> 'serializable'
      then p_function || ' runs in a SERIALIZABLE transaction only, not in '
        || upper(current_setting('transaction_isolation'))
  end;
$$;
