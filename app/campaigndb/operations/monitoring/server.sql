-- What the role may read, and what the server counts. The limits hold for the whole transaction:
-- a table that a migration locks is not waited for.
select
  set_config('lock_timeout', %(lock_timeout)s, true) as lock_timeout,
  set_config('statement_timeout', %(statement_timeout)s, true) as statement_timeout,
  set_config('row_security', 'off', true) as row_security,
  set_config('jit', 'off', true) as jit,
  now() as taken_at,
  current_user::text as role,
  current_database()::text as database,
  exists (select from pg_extension where extname = 'citus') as is_cluster,
  pg_has_role('pg_read_all_stats', 'usage') as reads_all_statistics,
  current_setting('track_functions') as track_functions,
  current_setting('track_counts')::boolean as track_counts,
  -- The library's own setting: shared_preload_libraries itself is hidden from most roles.
  current_setting('pg_stat_statements.max', true) is not null as statements_loaded,
  (
    select format('%%I.pg_stat_statements', n.nspname)
    from pg_extension as e
    join pg_namespace as n on n.oid = e.extnamespace
    where e.extname = 'pg_stat_statements'
  ) as statements_view,
  coalesce(
    (
      select
        has_schema_privilege(c.relnamespace, 'usage') and has_table_privilege(c.oid, 'select')
      from pg_extension as e
      join pg_class as c on c.relnamespace = e.extnamespace and c.relname = 'pg_stat_statements'
      where e.extname = 'pg_stat_statements'
    ),
    false
  ) as statements_readable,
  coalesce(
    (
      select has_schema_privilege(n.oid, 'usage') from pg_namespace as n
      where n.nspname = %(schema)s
    ),
    false
  ) as schema_usable,
  coalesce(
    (
      select jsonb_object_agg(
        c.relname,
        case
          when not has_table_privilege(c.oid, 'select') then 'denied'
          when row_security_active(c.oid) then 'hidden'
          else 'readable'
        end
      )
      from pg_class as c
      join pg_namespace as n on n.oid = c.relnamespace
      where n.nspname = %(schema)s and c.relname = any (%(tables)s)
    ),
    '{}'
  ) as tables
