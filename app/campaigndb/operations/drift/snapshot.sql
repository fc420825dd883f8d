with scope as materialized (
  select
    n.oid as oid, n.nspname as name,
    jsonb_build_object(
      'r', 'table', 'p', 'table', 'f', 'foreign table', 'v', 'view', 'm', 'materialized view',
      'c', 'type'
    ) as relation_kinds,
    cast(%(platform_schemas)s as text[]) as platform_schemas,
    cast(%(database)s as text) as database
  from pg_namespace as n
  where n.nspname = %(schema)s
),
object as (
{objects}
)
select
  object.kind, object.name, object.parent, object.reference, object.creation,
  pg_get_userbyid(object.owner) as owner,
  description.description as comment,
  object.properties,
  coalesce(
    (
      select jsonb_agg(
        jsonb_build_array(
          granted.privilege_type,
          case when granted.grantee = 0 then null else pg_get_userbyid(granted.grantee) end,
          granted.is_grantable,
          pg_get_userbyid(granted.grantor)
        )
      )
      from aclexplode(object.acl) as granted
    ),
    '[]'
  ) as grants
from object
left join pg_description as description
  on description.classoid = object.catalog
  and description.objoid = object.oid
  and description.objsubid = object.subid
-- The members of an extension of the schema come with it. A member of any other is an object like
-- all: to add it to an extension must not hide it.
where not exists (
  select
  from pg_depend as d
  join pg_extension as e on e.oid = d.refobjid and d.refclassid = 'pg_extension'::regclass
  join scope on scope.oid = e.extnamespace
  where d.classid = object.catalog and d.objid = object.oid and d.deptype = 'e'
)
