select
  'index' as kind, quote_ident(c.relname) as name,
  coalesce(
    (
      select format('constraint %I on %I', o.conname, t.relname)
      from pg_constraint as o
      where o.conindid = c.oid and o.contype in ('p', 'u', 'x')
    ),
    (scope.relation_kinds ->> t.relkind::text) || ' ' || quote_ident(t.relname)
  ) as parent,
  'pg_class'::regclass as catalog, c.oid as oid, 0 as subid,
  format('index %I.%I', scope.name, c.relname) as reference,
  regexp_replace(pg_get_indexdef(c.oid), 'INDEX', 'INDEX CONCURRENTLY') as creation,
  null::oid as owner,
  null::aclitem[] as acl,
  jsonb_build_object(
    -- It holds the operator classes, the predicate, the included columns and the options.
    'definition', pg_get_indexdef(c.oid),
    'state', case
      when not i.indislive then 'being dropped'
      when not (i.indisvalid and i.indisready) then 'invalid'
      else 'valid'
    end,
    'clustered', i.indisclustered,
    'tablespace', (select s.spcname from pg_tablespace as s where s.oid = c.reltablespace),
    'statistics targets', (
      select jsonb_object_agg(a.attnum, a.attstattarget)
      from pg_attribute as a
      where a.attrelid = c.oid and a.attstattarget >= 0
    ),
    'parents', (
      select jsonb_agg(h.inhparent::regclass::text) from pg_inherits as h where h.inhrelid = c.oid
    )
  ) as properties
from scope
join pg_class as c on c.relnamespace = scope.oid and c.relkind in ('i', 'I')
join pg_index as i on i.indexrelid = c.oid
join pg_class as t on t.oid = i.indrelid
