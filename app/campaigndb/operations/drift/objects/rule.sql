select
  'rule' as kind, format('%I on %I', r.rulename, c.relname) as name,
  (scope.relation_kinds ->> c.relkind::text) || ' ' || quote_ident(c.relname) as parent,
  'pg_rewrite'::regclass as catalog, r.oid as oid, 0 as subid,
  format('rule %I on %I.%I', r.rulename, scope.name, c.relname) as reference,
  pg_get_ruledef(r.oid) as creation,
  null::oid as owner,
  null::aclitem[] as acl,
  jsonb_build_object(
    'definition', pg_get_ruledef(r.oid),
    'enabled', case r.ev_enabled
      when 'O' then 'yes' when 'D' then 'no' when 'R' then 'on replicas' else 'always'
    end
  ) as properties
from scope
join pg_class as c on c.relnamespace = scope.oid
join pg_rewrite as r on r.ev_class = c.oid and r.rulename <> '_RETURN'
