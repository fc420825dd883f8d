select
  'constraint' as kind,
  format('%I on %s', o.conname, coalesce(quote_ident(c.relname), 'domain ' || quote_ident(t.typname)))
    as name,
  coalesce(
    (scope.relation_kinds ->> c.relkind::text) || ' ' || quote_ident(c.relname), 'type ' || quote_ident(t.typname)
  ) as parent,
  'pg_constraint'::regclass as catalog, o.oid as oid, 0 as subid,
  coalesce(
    format('constraint %I on ', o.conname) || quote_ident(scope.name) || '.' || quote_ident(c.relname),
    format('constraint %I on domain %I.%I', o.conname, scope.name, t.typname)
  ) as reference,
  format(
    'alter %s %I.%I add constraint %I %s', coalesce(scope.relation_kinds ->> c.relkind::text, 'domain'), scope.name,
    coalesce(c.relname, t.typname), o.conname, pg_get_constraintdef(o.oid)
  ) as creation,
  null::oid as owner,
  null::aclitem[] as acl,
  -- It holds whether the constraint is validated, deferrable and enforced.
  jsonb_build_object('definition', pg_get_constraintdef(o.oid)) as properties
from scope
join pg_constraint as o on o.connamespace = scope.oid
left join pg_class as c on c.oid = o.conrelid
left join pg_type as t on t.oid = o.contypid
-- PostgreSQL 18 makes one for each NOT NULL too, of which the column tells.
where o.contype in ('c', 'f', 'p', 'u', 'x')
