create or replace function open_suppressions()
returns void
language plpgsql
as $$
begin
  -- What every change of the list begins with. It must see what writers have committed, and they what
  -- it adds: see hold_suppressions. It waits for running writers, not for a dump; those that come
  -- wait behind it, as short as the callers' lock_timeout says.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using
      errcode = '22023', message = 'the list of suppressions is changed in READ COMMITTED transactions only';
  end if;
  lock table gmaps_suppressions in exclusive mode;
  insert into gmaps_suppression_gate as gate (id, changes)
  values (1, 1)
  on conflict (id) do update set changes = gate.changes + 1;
end;
$$;
