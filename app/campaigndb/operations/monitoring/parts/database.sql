select
  d.numbackends as connections,
  d.xact_commit as commits,
  d.xact_rollback as rollbacks,
  d.deadlocks,
  d.stats_reset as since
from pg_stat_database as d
where d.datname = current_database()
