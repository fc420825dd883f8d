create or replace function hold_suppressions()
returns void
language plpgsql
as $$
declare
  v_written bigint;
begin
  -- Nobody suppresses a contact from here to the end of this transaction, and what was suppressed
  -- before is seen by the statements that follow. Every writer of addresses and places calls it
  -- before it locks a business: the other order would deadlock with a suppression. The lock (ROW
  -- SHARE) is that of the table, not of a row: writers share it, whoever suppresses waits in its
  -- queue as everybody does, and a dump (ACCESS SHARE) does not matter.
  perform from gmaps_suppressions where false for key share;

  -- Above READ COMMITTED the snapshot may be older than a suppression. Such a transaction locks the
  -- row that each suppression changes: it fails with 40001 and is tried again.
  if current_setting('transaction_isolation') <> 'read committed' then
    perform from gmaps_suppression_gate as gate where gate.id = 1 for share;
    if not found then
      -- Not yet there, or not yet in the snapshot: then this fails.
      with written as (
        insert into gmaps_suppression_gate (id) values (1) on conflict (id) do nothing returning 1
      )
      select count(*) into strict v_written from written;
    end if;
  end if;
end;
$$;
