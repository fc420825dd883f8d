select
  case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end as kind,
  format('%I(%s)', p.proname, oidvectortypes(p.proargtypes)) as name,
  'schema ' || quote_ident(scope.name) as parent,
  'pg_proc'::regclass as catalog, p.oid as oid, 0 as subid,
  format(
    '%s %I.%I(%s)',
    case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end,
    scope.name, p.proname, oidvectortypes(p.proargtypes)
  ) as reference,
  case when p.prokind <> 'a' then pg_get_functiondef(p.oid) end as creation,
  p.proowner as owner,
  coalesce(p.proacl, acldefault('f', p.proowner)) as acl,
  jsonb_build_object(
    'arguments', pg_get_function_arguments(p.oid),
    'result', pg_get_function_result(p.oid),
    'language', l.lanname,
    'body', coalesce(pg_get_function_sqlbody(p.oid), p.prosrc),
    'library', p.probin,
    'window', p.prokind = 'w',
    'volatility', case p.provolatile
      when 'i' then 'immutable' when 's' then 'stable' else 'volatile'
    end,
    'parallel', case p.proparallel
      when 's' then 'safe' when 'r' then 'restricted' else 'unsafe'
    end,
    'strict', p.proisstrict,
    'leakproof', p.proleakproof,
    'security definer', p.prosecdef,
    'cost', p.procost,
    'rows', p.prorows,
    'support function', nullif(p.prosupport::oid, 0)::regproc::text,
    'settings', (
      select jsonb_agg(item order by item) from unnest(array(
        select case
          -- A dump quotes the names of a search path, which means the same.
          when setting like 'search\_path=%' then
            regexp_replace(setting, '"([a-z_][a-z0-9_]*)"', '\1', 'g')
          -- A setting that PostgreSQL does not know may hold an application's secret.
          when setting ~ '^[^=]+\.[^=]*=' then
            split_part(setting, '=', 1) || '=md5 ' || md5(setting)
          else setting
        end
        from unnest(p.proconfig) as setting
      )) as item
    ),
    'aggregate', (select to_jsonb(g) - 'aggfnoid' from pg_aggregate as g where g.aggfnoid = p.oid)
  ) as properties
from scope
join pg_proc as p on p.pronamespace = scope.oid
join pg_language as l on l.oid = p.prolang
-- Those that a range type brings with it.
where not exists (
  select
  from pg_depend as d
  where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'i'
    and d.refclassid = 'pg_type'::regclass
)
