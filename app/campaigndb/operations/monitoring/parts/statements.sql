-- Several statements can call one function: their moments are added up. The standard deviation is
-- the population's, as pg_stat_statements keeps it.
with call as (
  select substring(s.query from %(call)s) as function, s.*
  from {statements_view} as s
  where s.dbid = (select d.oid from pg_database as d where d.datname = current_database())
    and s.toplevel
    and s.query ~* '^\s*(/\*.*?\*/\s*)*(select|with)\M'
)
select
  function,
  sum(calls) as calls,
  sum(total_exec_time) / 1000 as total_seconds,
  max(max_exec_time) / 1000 as longest_seconds,
  sqrt(
    greatest(
      sum(calls * (stddev_exec_time ^ 2 + mean_exec_time ^ 2)) / sum(calls)
        - (sum(total_exec_time) / sum(calls)) ^ 2,
      0
    )
  ) / 1000 as deviation_seconds
from call
where function is not null
group by function
having sum(calls) > 0
