-- Casts that somebody made between types of the schema or of PostgreSQL itself: an implicit one
-- changes which function or operator a statement means. An extension's and a range type's come with
-- them.
select
  'cast' as kind, format('(%s as %s)', format_type(k.castsource, null), format_type(k.casttarget, null))
    as name,
  null::text as parent,
  'pg_cast'::regclass as catalog, k.oid as oid, 0 as subid,
  format('cast (%s as %s)', format_type(k.castsource, null), format_type(k.casttarget, null))
    as reference,
  null::text as creation,
  null::oid as owner,
  null::aclitem[] as acl,
  jsonb_build_object(
    'context', case k.castcontext
      when 'i' then 'implicit' when 'a' then 'in assignments' else 'explicit'
    end,
    'function', nullif(k.castfunc::oid, 0)::regprocedure::text,
    'method', k.castmethod
  ) as properties
from scope
join pg_cast as k on k.oid >= 16384
join pg_type as source on source.oid = k.castsource
join pg_type as target on target.oid = k.casttarget
where (
    scope.oid in (source.typnamespace, target.typnamespace)
    or (
      source.typnamespace = 'pg_catalog'::regnamespace
      and target.typnamespace = 'pg_catalog'::regnamespace
    )
  )
  and not exists (
    select from pg_depend as d
    where d.classid = 'pg_cast'::regclass and d.objid = k.oid and d.deptype in ('e', 'i')
  )
