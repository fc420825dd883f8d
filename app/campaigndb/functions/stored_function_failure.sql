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
      when failure.code = '23505' then 'Duplicate record detected'
      when failure.code = '23503' then 'Referenced record not found'
      when failure.code = '40P01' then 'Operation conflict, please retry'
      when failure.code = '40001' then 'Concurrent modification, please retry'
      when failure.code = '55P03' then 'Resource busy, please retry'
      when failure.code = '25001' then 'Must run in a SERIALIZABLE transaction'
      -- PostgREST begins a read-only transaction for GET.
      when failure.code = '25006'
        then 'This writes, and the transaction is read-only: call it with POST, on the primary server'
      when left(failure.code, 2) = '22' or failure.code in ('23502', '23514')
        then 'Invalid input: ' || failure.shown
      -- A node of a cluster: the connection from here to it, not the caller's.
      when left(failure.code, 2) = '08' then 'The connection failed'
      when failure.code = '57P01' then 'The server is shutting down'
      when failure.code = '57P02' then 'The server crashed'
      when failure.code = '57P03' then 'The server does not accept connections yet'
      else 'Database operation failed'
    end,
    'error_code', failure.code,
    'error_detail', failure.shown,
    -- 53: the server is out of memory, disk or connections, which passes.
    'retry_recommended', failure.code in ('40P01', '40001', '55P03', '57P01', '57P02', '57P03')
      or left(failure.code, 2) in ('08', '53')
  )
  from (
    select
      -- A cluster calls it an internal error that it lost a node, or met another transaction there. The
      -- callers' clients have the same table, for what is raised at COMMIT.
      case
        when p_sqlstate <> 'XX000' then p_sqlstate
        when p_message like '%could not serialize access%' then '40001'
        when p_message like any (
          array[
            '%failure on connection marked as essential%',
            '%server closed the connection unexpectedly%'
          ]
        )
          then '08006'
        else p_sqlstate
      end as code,
      -- The server's own messages quote given texts as they are. Names are shorter than the limit.
      shown_text(regexp_replace(p_message, '"([^"]{79})[^"]+"', '"\1…"', 'g'), 1000) as shown
  ) as failure;
$$;
