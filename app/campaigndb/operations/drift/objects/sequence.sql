select
  'sequence' as kind, quote_ident(c.relname) as name,
  'schema ' || quote_ident(scope.name) as parent,
  'pg_class'::regclass as catalog, c.oid as oid, 0 as subid,
  format('sequence %I.%I', scope.name, c.relname) as reference,
  null::text as creation,
  c.relowner as owner,
  coalesce(c.relacl, acldefault('s', c.relowner)) as acl,
  jsonb_build_object(
    'persistence', case c.relpersistence when 'p' then 'permanent' else 'unlogged' end,
    'type', format_type(s.seqtypid, null),
    'start', s.seqstart,
    'increment', s.seqincrement,
    'minimum', s.seqmin,
    'maximum', s.seqmax,
    'cache', s.seqcache,
    'cycle', s.seqcycle,
    'owned by', (
      select format('%s.%I', d.refobjid::regclass, a.attname)
      from pg_depend as d
      join pg_attribute as a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
      where d.classid = 'pg_class'::regclass and d.objid = c.oid
        and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
    )
  ) as properties
from scope
join pg_class as c on c.relnamespace = scope.oid and c.relkind = 'S'
join pg_sequence as s on s.seqrelid = c.oid
