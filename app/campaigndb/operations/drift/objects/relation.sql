select
  scope.relation_kinds ->> c.relkind::text as kind, quote_ident(c.relname) as name,
  'schema ' || quote_ident(scope.name) as parent,
  'pg_class'::regclass as catalog, c.oid as oid, 0 as subid,
  format('%s %I.%I', scope.relation_kinds ->> c.relkind::text, scope.name, c.relname) as reference,
  null::text as creation,
  c.relowner as owner,
  coalesce(c.relacl, acldefault('r', c.relowner)) as acl,
  jsonb_build_object(
    'persistence', case c.relpersistence
      when 'p' then 'permanent' when 'u' then 'unlogged' else 'temporary'
    end,
    'options', (
      select jsonb_agg(item order by item) from unnest(c.reloptions) as item
    ),
    'toast options', (
      select jsonb_agg(item order by item) from unnest((select t.reloptions from pg_class as t where t.oid = c.reltoastrelid)) as item
    ),
    -- A gate is a table without columns: that it has pages says that it has, or had, rows.
    'holds rows', case when c.relkind = 'r' and c.relnatts = 0 then pg_relation_size(c.oid) > 0 end,
    'row security', c.relrowsecurity,
    'forced row security', c.relforcerowsecurity,
    'replica identity', case c.relreplident
      when 'd' then 'default' when 'n' then 'nothing' when 'f' then 'full'
      else 'index ' || (
        select i.indexrelid::regclass::text
        from pg_index as i
        where i.indrelid = c.oid and i.indisreplident
      )
    end,
    'access method', (select am.amname from pg_am as am where am.oid = c.relam),
    'tablespace', (select t.spcname from pg_tablespace as t where t.oid = c.reltablespace),
    'partition key', case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end,
    'partition bound', pg_get_expr(c.relpartbound, c.oid),
    'parents', (
      select jsonb_agg(i.inhparent::regclass::text order by i.inhseqno)
      from pg_inherits as i
      where i.inhrelid = c.oid
    ),
    'children elsewhere', (
      select jsonb_agg(i.inhrelid::regclass::text order by i.inhrelid::regclass::text)
      from pg_inherits as i
      join pg_class as child on child.oid = i.inhrelid
      where i.inhparent = c.oid and child.relnamespace <> scope.oid
    ),
    'row type', case when c.reloftype <> 0 then c.reloftype::regtype::text end,
    'definition', case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end,
    'populated', case when c.relkind = 'm' then c.relispopulated end,
    'server', (
      select s.srvname || coalesce(' ' || f.ftoptions::text, '')
      from pg_foreign_table as f
      join pg_foreign_server as s on s.oid = f.ftserver
      where f.ftrelid = c.oid
    )
  ) as properties
from scope
join pg_class as c on c.relnamespace = scope.oid and c.relkind in ('r', 'p', 'f', 'v', 'm')
