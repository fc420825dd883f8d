select
  'statistics' as kind, quote_ident(s.stxname) as name,
  (scope.relation_kinds ->> c.relkind::text) || ' ' || quote_ident(c.relname) as parent,
  'pg_statistic_ext'::regclass as catalog, s.oid as oid, 0 as subid,
  format('statistics %I.%I', n.nspname, s.stxname) as reference,
  pg_get_statisticsobjdef(s.oid) as creation,
  s.stxowner as owner,
  null::aclitem[] as acl,
  jsonb_build_object(
    'definition', pg_get_statisticsobjdef(s.oid),
    'statistics target', nullif(s.stxstattarget, -1)
  ) as properties
from scope
join pg_class as c on c.relnamespace = scope.oid
join pg_statistic_ext as s on s.stxrelid = c.oid
join pg_namespace as n on n.oid = s.stxnamespace
