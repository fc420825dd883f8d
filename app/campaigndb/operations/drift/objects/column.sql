select
  'column' as kind, format('%I.%I', c.relname, a.attname) as name,
  (scope.relation_kinds ->> c.relkind::text) || ' ' || quote_ident(c.relname) as parent,
  'pg_class'::regclass as catalog, c.oid as oid, a.attnum::int as subid,
  format('column %I.%I.%I', scope.name, c.relname, a.attname) as reference,
  format(
    'alter %s %I.%I add column %I %s%s%s', scope.relation_kinds ->> c.relkind::text, scope.name, c.relname,
    a.attname, format_type(a.atttypid, a.atttypmod),
    case
      when a.attgenerated <> '' then
        format(' generated always as (%s) stored', pg_get_expr(d.adbin, d.adrelid))
      else ' default ' || pg_get_expr(d.adbin, d.adrelid)
    end,
    case when a.attnotnull then ' not null' end
  ) as creation,
  null::oid as owner,
  a.attacl as acl,
  jsonb_build_object(
    -- Dropped columns leave holes in the numbers, which mean nothing.
    'position', row_number() over (partition by c.oid order by a.attnum),
    'type', format_type(a.atttypid, a.atttypmod),
    'nullable', coalesce(
      (
        select to_jsonb(
          case when not n.convalidated then 'not validated: ' else 'not inherited: ' end
            || quote_ident(n.conname)
        )
        from pg_constraint as n
        where n.conrelid = c.oid and n.contype = 'n' and n.conkey = array[a.attnum]
          and (not n.convalidated or n.connoinherit)
      ),
      to_jsonb(not a.attnotnull)
    ),
    'default', case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end,
    'generated', case
      when a.attgenerated <> '' then
        case a.attgenerated when 's' then 'stored: ' else 'virtual: ' end
          || pg_get_expr(d.adbin, d.adrelid)
    end,
    'identity', case a.attidentity when 'a' then 'always' when 'd' then 'by default' end,
    'collation', case
      when a.attcollation <> t.typcollation then
        (select l.oid::regcollation::text from pg_collation as l where l.oid = a.attcollation)
    end,
    'storage', case a.attstorage
      when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended'
    end,
    'compression', case a.attcompression when 'p' then 'pglz' when 'l' then 'lz4' end,
    'statistics target', nullif(a.attstattarget, -1),
    -- PostgreSQL 15.20 and its contemporaries note the version of a statistics row there.
    'options', (
      select jsonb_agg(item order by item) from unnest(array(
        select option from unnest(a.attoptions) as option where option not like 'pg\_attver=%'
      )) as item
    ),
    'foreign options', (
      select jsonb_agg(item order by item) from unnest(a.attfdwoptions) as item
    ),
    'inherited', a.attinhcount > 0
  ) as properties
from scope
join pg_class as c
  on c.relnamespace = scope.oid and c.relkind in ('r', 'p', 'f', 'v', 'm', 'c')
join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type as t on t.oid = a.atttypid
left join pg_attrdef as d on d.adrelid = c.oid and d.adnum = a.attnum
