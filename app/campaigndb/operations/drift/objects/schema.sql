select
  'schema' as kind, quote_ident(scope.name) as name, null::text as parent,
  'pg_namespace'::regclass as catalog, scope.oid as oid, 0 as subid,
  format('schema %I', scope.name) as reference,
  null::text as creation,
  n.nspowner as owner,
  coalesce(n.nspacl, acldefault('n', n.nspowner)) as acl,
  '{}'::jsonb as properties
from scope
join pg_namespace as n on n.oid = scope.oid
