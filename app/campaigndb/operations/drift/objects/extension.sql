select
  'extension' as kind, quote_ident(e.extname) as name,
  null::text as parent,
  'pg_extension'::regclass as catalog, e.oid as oid, 0 as subid,
  format('extension %I', e.extname) as reference,
  null::text as creation,
  null::oid as owner,
  null::aclitem[] as acl,
  jsonb_build_object('version', e.extversion) as properties
from scope
join pg_extension as e on e.extnamespace = scope.oid
