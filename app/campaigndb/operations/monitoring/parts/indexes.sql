select
  i.indexrelname as index,
  i.relname as table,
  i.idx_scan as scans,
  pg_relation_size(i.indexrelid) as bytes,
  -- A unique index has its use without being read.
  definition.indisunique as is_unique
from pg_stat_user_indexes as i
join pg_index as definition on definition.indexrelid = i.indexrelid
where i.schemaname = %(schema)s and i.relname = any (%(tables)s)
order by i.relname, i.indexrelname
