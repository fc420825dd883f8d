select
  'type' as kind, quote_ident(t.typname) as name,
  'schema ' || quote_ident(scope.name) as parent,
  'pg_type'::regclass as catalog, t.oid as oid, 0 as subid,
  format('%s %I.%I', case t.typtype when 'd' then 'domain' else 'type' end, scope.name, t.typname)
    as reference,
  null::text as creation,
  t.typowner as owner,
  coalesce(t.typacl, acldefault('T', t.typowner)) as acl,
  jsonb_build_object(
    'kind', case t.typtype
      when 'e' then 'enum' when 'd' then 'domain' when 'c' then 'composite' when 'r' then 'range'
      else 'base'
    end,
    'labels', (
      select jsonb_agg(e.enumlabel order by e.enumsortorder) from pg_enum as e where e.enumtypid = t.oid
    ),
    'base type', case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end,
    'nullable', not t.typnotnull,
    'default', t.typdefault,
    'collation', nullif(t.typcollation, 0)::regcollation::text,
    'storage', t.typstorage,
    'range of', (
      select format_type(r.rngsubtype, null) from pg_range as r where r.rngtypid = t.oid
    )
  ) as properties
from scope
join pg_type as t on t.typnamespace = scope.oid
left join pg_class as c on c.oid = t.typrelid
where t.typtype in ('e', 'd', 'r')
  or (t.typtype = 'c' and c.relkind = 'c')
  -- Arrays come with their elements' types.
  or (t.typtype = 'b' and t.typsubscript <> 'array_subscript_handler'::regproc)
