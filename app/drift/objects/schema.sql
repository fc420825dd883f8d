select
  'schema' as kind, quote_ident(scope.name) as name, null::text as parent,
  'pg_namespace'::regclass as catalog, scope.oid as oid, 0 as subid,
  format('schema %I', scope.name) as reference,
  format('create schema %I', scope.name) as creation,
  n.nspowner as owner,
  coalesce(n.nspacl, acldefault('n', n.nspowner)) as acl,
  '{}'::jsonb as properties
from scope
join pg_namespace as n on n.oid = scope.oid
