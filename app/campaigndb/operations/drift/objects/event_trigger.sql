-- They act on the whole database; the platform's own and an extension's are left out.
select
  'event trigger' as kind, quote_ident(e.evtname) as name,
  null::text as parent,
  'pg_event_trigger'::regclass as catalog, e.oid as oid, 0 as subid,
  format('event trigger %I', e.evtname) as reference,
  null::text as creation,
  e.evtowner as owner,
  null::aclitem[] as acl,
  jsonb_build_object(
    'event', e.evtevent,
    'function', e.evtfoid::regproc::text,
    'tags', (
      select jsonb_agg(item order by item) from unnest(e.evttags) as item
    ),
    'enabled', case e.evtenabled
      when 'O' then 'yes' when 'D' then 'no' when 'R' then 'on replicas' else 'always'
    end
  ) as properties
from scope
cross join pg_event_trigger as e
join pg_proc as p on p.oid = e.evtfoid
join pg_namespace as n on n.oid = p.pronamespace
where not (n.nspname = any (scope.platform_schemas))
  and not exists (
    select from pg_depend as d
    where d.classid = 'pg_event_trigger'::regclass and d.objid = e.oid and d.deptype = 'e'
  )
