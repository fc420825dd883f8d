-- Those that write into the schema, or that have not said yet where they write.
select
  'subscription' as kind, quote_ident(s.subname) as name,
  null::text as parent,
  'pg_subscription'::regclass as catalog, s.oid as oid, 0 as subid,
  format('subscription %I', s.subname) as reference,
  null::text as creation,
  s.subowner as owner,
  null::aclitem[] as acl,
  jsonb_build_object('enabled', s.subenabled) as properties
from scope
join pg_database as d on d.datname = current_database()
join pg_subscription as s on s.subdbid = d.oid
where not exists (select from pg_subscription_rel as r where r.srsubid = s.oid)
  or exists (
    select from pg_subscription_rel as r
    join pg_class as c on c.oid = r.srrelid
    where r.srsubid = s.oid and c.relnamespace = scope.oid
  )
