-- Those that publish something of the schema.
select
  'publication' as kind, quote_ident(p.pubname) as name,
  null::text as parent,
  'pg_publication'::regclass as catalog, p.oid as oid, 0 as subid,
  format('publication %I', p.pubname) as reference,
  null::text as creation,
  p.pubowner as owner,
  null::aclitem[] as acl,
  jsonb_build_object(
    'tables', case
      when p.puballtables then '"all"'
      when published.schema then '"all of the schema"'
      else published.tables
    end,
    'operations', array_to_string(
      array[
        case when p.pubinsert then 'insert' end, case when p.pubupdate then 'update' end,
        case when p.pubdelete then 'delete' end, case when p.pubtruncate then 'truncate' end
      ],
      ', '
    ),
    'through the root', p.pubviaroot
  ) as properties
from scope
cross join pg_publication as p
cross join lateral (
  select
    exists (
      select from pg_publication_namespace as n where n.pnpubid = p.oid and n.pnnspid = scope.oid
    ) as schema,
    (
      select jsonb_agg(
        quote_ident(c.relname)
          || coalesce(
            ' (' || (
              select string_agg(quote_ident(a.attname), ', ' order by a.attnum)
              from pg_attribute as a
              where a.attrelid = c.oid and a.attnum = any (r.prattrs::int2[])
            ) || ')',
            ''
          )
          || coalesce(' where ' || pg_get_expr(r.prqual, r.prrelid), '')
        order by c.relname
      )
      from pg_publication_rel as r
      join pg_class as c on c.oid = r.prrelid
      where r.prpubid = p.oid and c.relnamespace = scope.oid
    ) as tables
) as published
where p.puballtables or published.schema or published.tables is not null
