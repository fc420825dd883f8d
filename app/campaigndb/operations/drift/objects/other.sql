-- What a schema may hold besides: there is none of these in this project's.
select
  identity.type as kind, identity.identity as name,
  'schema ' || quote_ident(scope.name) as parent,
  object.catalog, object.oid, 0 as subid,
  identity.type || ' ' || identity.identity as reference,
  null::text as creation,
  object.owner::oid as owner,
  null::aclitem[] as acl,
  '{}'::jsonb as properties
from scope
join (
  select 'pg_operator'::regclass as catalog, o.oid, o.oprowner as owner, o.oprnamespace as namespace from pg_operator as o
  union all
  select 'pg_opclass'::regclass, o.oid, o.opcowner, o.opcnamespace from pg_opclass as o
  union all
  select 'pg_opfamily'::regclass, o.oid, o.opfowner, o.opfnamespace from pg_opfamily as o
  union all
  select 'pg_collation'::regclass, o.oid, o.collowner, o.collnamespace from pg_collation as o
  union all
  select 'pg_conversion'::regclass, o.oid, o.conowner, o.connamespace from pg_conversion as o
  union all
  select 'pg_ts_config'::regclass, o.oid, o.cfgowner, o.cfgnamespace from pg_ts_config as o
  union all
  select 'pg_ts_dict'::regclass, o.oid, o.dictowner, o.dictnamespace from pg_ts_dict as o
  union all
  select 'pg_ts_parser'::regclass, o.oid, null, o.prsnamespace from pg_ts_parser as o
  union all
  select 'pg_ts_template'::regclass, o.oid, null, o.tmplnamespace from pg_ts_template as o
) as object on object.namespace = scope.oid
cross join lateral pg_identify_object(object.catalog, object.oid, 0) as identity
