select
  t.relname as table,
  t.n_live_tup as live_rows,
  t.n_dead_tup as dead_rows,
  t.n_tup_ins as inserts,
  t.n_tup_upd as updates,
  t.n_tup_hot_upd as hot_updates,
  t.n_tup_del as deletes,
  greatest(t.last_vacuum, t.last_autovacuum) as last_vacuum,
  pg_table_size(t.relid) as bytes
from pg_stat_user_tables as t
where t.schemaname = %(schema)s and t.relname = any (%(tables)s)
order by t.n_tup_upd desc, t.relname
