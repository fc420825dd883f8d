-- The one that functions are written in; its owner differs from server to server.
select
  'language' as kind, quote_ident(l.lanname) as name,
  null::text as parent,
  'pg_language'::regclass as catalog, l.oid as oid, 0 as subid,
  format('language %I', l.lanname) as reference,
  null::text as creation,
  null::oid as owner,
  (
    select array_agg(
      makeaclitem(granted.grantee, granted.grantor, granted.privilege_type, granted.is_grantable)
    )
    from aclexplode(coalesce(l.lanacl, acldefault('l', l.lanowner))) as granted
    where granted.grantee <> l.lanowner
  ) as acl,
  '{}'::jsonb as properties
from scope
cross join pg_language as l
where l.lanname in ('plpgsql', 'sql')
