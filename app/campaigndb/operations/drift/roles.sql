-- The project's roles, as they are.
select
  named.name as role,
  r.oid is not null as exists,
  r.rolsuper as superuser,
  r.rolcreaterole as creates_roles,
  r.rolcreatedb as creates_databases,
  r.rolreplication as replicates,
  r.rolbypassrls as bypasses_row_security,
  has_database_privilege(r.oid, current_database(), 'create') as creates_schemas,
  r.rolcanlogin as logs_in,
  nullif(r.rolconnlimit, -1) as connection_limit,
  nullif(r.rolvaliduntil, 'infinity')::text as valid_until,
  array(
    select p.parname || ': ' || granted.privilege_type
    from pg_parameter_acl as p
    cross join aclexplode(p.paracl) as granted
    where granted.grantee = r.oid
    order by 1
  ) as parameters,
  array(
    select pg_get_userbyid(m.roleid)
    from pg_auth_members as m
    where m.member = r.oid
    order by 1
  ) as member_of,
  -- Since PostgreSQL 16 who creates a role without being a superuser is a member that may only
  -- administer it.
  array(
    select pg_get_userbyid(m.member)
    from pg_auth_members as m
    where m.roleid = r.oid
      and (
        coalesce((to_jsonb(m) ->> 'inherit_option')::boolean, true)
        or coalesce((to_jsonb(m) ->> 'set_option')::boolean, true)
      )
    order by 1
  ) as members
from unnest(cast(%(roles)s as text[])) as named (name)
left join pg_roles as r on r.rolname = named.name
order by named.name
