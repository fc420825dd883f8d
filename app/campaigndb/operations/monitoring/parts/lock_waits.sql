-- From pg_locks, which every role may read; of a statement only the function's name or the first
-- word is read, for its text holds parameters.
with wait as (
  select distinct on (l.pid)
    l.pid, l.locktype, l.waitstart,
    case
      when l.database = (select d.oid from pg_database as d where d.datname = current_database())
      then (select c.relname from pg_class as c where c.oid = l.relation)
    end as relation
  from pg_locks as l
  where not l.granted
  order by l.pid
)
select
  blocked.pid as blocked_pid,
  substring(blocked.query from %(call)s) as blocked_function,
  lower(substring(blocked.query from '^\s*([A-Za-z]{1,20})\M')) as blocked_command,
  blocking.pid as blocking_pid,
  substring(activity.query from %(call)s) as blocking_function,
  lower(substring(activity.query from '^\s*([A-Za-z]{1,20})\M')) as blocking_command,
  activity.state as blocking_state,
  wait.locktype as lock_type,
  wait.relation,
  -- Null for a moment after the wait begins.
  extract(epoch from clock_timestamp() - wait.waitstart) as seconds
from wait
join pg_stat_activity as blocked on blocked.pid = wait.pid and blocked.datname = current_database()
cross join lateral (
  select distinct pid from unnest(pg_blocking_pids(wait.pid)) as pid
) as blocking
left join pg_stat_activity as activity on activity.pid = blocking.pid
order by seconds desc nulls last, blocked_pid, blocking_pid
