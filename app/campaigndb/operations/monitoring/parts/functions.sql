-- Empty for what was never called while track_functions was on.
select
  f.funcname as function,
  f.calls,
  f.total_time / 1000 as total_seconds
from pg_stat_user_functions as f
where f.schemaname = %(schema)s and f.funcname = any (%(functions)s)
