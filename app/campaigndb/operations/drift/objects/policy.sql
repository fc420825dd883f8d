select
  'policy' as kind, format('%I on %I', p.polname, c.relname) as name,
  (scope.relation_kinds ->> c.relkind::text) || ' ' || quote_ident(c.relname) as parent,
  'pg_policy'::regclass as catalog, p.oid as oid, 0 as subid,
  format('policy %I on %I.%I', p.polname, scope.name, c.relname) as reference,
  format(
    'create policy %I on %I.%I as %s for %s to %s%s%s', p.polname, scope.name, c.relname,
    case when p.polpermissive then 'permissive' else 'restrictive' end,
    command.name, (
      select string_agg(
        case when role = 0 then 'public' else quote_ident(pg_get_userbyid(role)) end, ', ' order by role
      )
      from unnest(p.polroles) as role
    ),
    ' using (' || pg_get_expr(p.polqual, p.polrelid) || ')',
    ' with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')'
  ) as creation,
  null::oid as owner,
  null::aclitem[] as acl,
  jsonb_build_object(
    'command', command.name,
    'permissive', p.polpermissive,
    'roles', (
      select string_agg(
        case when role = 0 then 'public' else quote_ident(pg_get_userbyid(role)) end, ', ' order by role
      )
      from unnest(p.polroles) as role
    ),
    'using', pg_get_expr(p.polqual, p.polrelid),
    'check', pg_get_expr(p.polwithcheck, p.polrelid)
  ) as properties
from scope
join pg_class as c on c.relnamespace = scope.oid
join pg_policy as p on p.polrelid = c.oid
cross join lateral (
  select case p.polcmd
    when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete'
    else 'all'
  end as name
) as command
