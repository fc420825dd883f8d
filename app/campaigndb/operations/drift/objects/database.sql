-- Everybody may connect, and the owner may do everything; whoever may create schemas beside them is
-- told. A superuser owns everything in any case.
select
  'database' as kind, quote_ident(scope.database) as name,
  null::text as parent,
  'pg_database'::regclass as catalog, d.oid as oid, 0 as subid,
  format('database %I', scope.database) as reference,
  null::text as creation,
  null::oid as owner,
  (
    select array_agg(
      makeaclitem(granted.grantee, granted.grantor, granted.privilege_type, granted.is_grantable)
    )
    from aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) as granted
    left join pg_roles as r on r.oid = granted.grantee
    where granted.grantee = 0
      or (
        not r.rolsuper and granted.privilege_type = 'CREATE'
        and granted.grantee <> d.datdba and granted.grantee <> all (owners.oids)
      )
  ) as acl,
  jsonb_build_object(
    'owner', case
      when r.rolsuper or d.datdba = any (owners.oids) then 'the owner or a superuser'
      else quote_ident(r.rolname)
    end,
    'connection limit', nullif(d.datconnlimit, -1)
  ) as properties
from scope
join pg_database as d on d.datname = current_database()
join pg_roles as r on r.oid = d.datdba
cross join lateral (
  select array(select distinct c.relowner from pg_class as c where c.relnamespace = scope.oid) as oids
) as owners
