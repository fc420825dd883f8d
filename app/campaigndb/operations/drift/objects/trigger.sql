select
  case when g.tgisinternal then 'internal trigger' else 'trigger' end as kind,
  -- An internal trigger is named by a number of its own.
  case
    when g.tgisinternal then
      format('%s of %I on %I', g.tgfoid::regproc, coalesce(o.conname, '?'), c.relname)
    else format('%I on %I', g.tgname, c.relname)
  end as name,
  coalesce(
    'constraint ' || quote_ident(o.conname) || ' on ' || quote_ident(r.relname),
    (scope.relation_kinds ->> c.relkind::text) || ' ' || quote_ident(c.relname)
  ) as parent,
  'pg_trigger'::regclass as catalog, g.oid as oid, 0 as subid,
  format('trigger %I on %I.%I', g.tgname, scope.name, c.relname) as reference,
  case when not g.tgisinternal then pg_get_triggerdef(g.oid) end as creation,
  null::oid as owner,
  null::aclitem[] as acl,
  jsonb_build_object(
    'definition', case when not g.tgisinternal then pg_get_triggerdef(g.oid) end,
    'enabled', case g.tgenabled
      when 'O' then 'yes' when 'D' then 'no' when 'R' then 'on replicas' else 'always'
    end
  ) as properties
from scope
join pg_class as c on c.relnamespace = scope.oid
join pg_trigger as g on g.tgrelid = c.oid
-- A constraint trigger has a constraint of its own, which is not compared.
left join pg_constraint as o on o.oid = g.tgconstraint and o.contype <> 't'
left join pg_class as r on r.oid = o.conrelid
where not (g.tgisinternal and g.tgparentid <> 0)
  -- What an extension gives each of its tables, as Citus does against TRUNCATE.
  and not (
    g.tgisinternal
    and exists (
      select from pg_depend as d
      where d.classid = 'pg_proc'::regclass and d.objid = g.tgfoid and d.deptype = 'e'
    )
  )
