-- Of the schema; and of every schema, where they are those of an owner of something in it. What a
-- platform sets up for its own roles is left out: each migration takes from them what is too much.
select
  'default privileges' as kind,
  format(
    'of %I for %s%s', pg_get_userbyid(d.defaclrole),
    case d.defaclobjtype
      when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions'
      when 'T' then 'types' when 'n' then 'schemas' else 'large objects'
    end,
    case when d.defaclnamespace = 0 then ' in every schema' else '' end
  ) as name,
  null::text as parent,
  'pg_default_acl'::regclass as catalog, d.oid as oid, 0 as subid,
  'default privileges' as reference,
  null::text as creation,
  null::oid as owner,
  d.defaclacl as acl,
  '{}'::jsonb as properties
from scope
join pg_default_acl as d
  on d.defaclnamespace = scope.oid
  or (
    d.defaclnamespace = 0
    and exists (
      select from pg_class as c where c.relnamespace = scope.oid and c.relowner = d.defaclrole
    )
  )
where not (
  exists (
    select from aclexplode(d.defaclacl) as granted
    where pg_get_userbyid(granted.grantee) = 'service_role'
  )
  and not exists (
    select from aclexplode(d.defaclacl) as granted
    where granted.grantee = 0
      or pg_get_userbyid(granted.grantee) not in (
        'anon', 'authenticated', 'service_role', 'postgres', pg_get_userbyid(d.defaclrole)
      )
  )
)
