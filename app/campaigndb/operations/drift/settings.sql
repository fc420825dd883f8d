-- What `alter database … set` and `alter role … set` give the sessions that use the project.
select
  case when s.setrole <> 0 then quote_ident(pg_get_userbyid(s.setrole)) end as role,
  s.setdatabase <> 0 as is_of_the_database,
  quote_ident(current_database()) as database,
  split_part(item, '=', 1) as name,
  -- A setting that PostgreSQL does not know may hold an application's secret.
  case
    when exists (select from pg_settings as known where known.name = split_part(item, '=', 1))
      then substr(item, strpos(item, '=') + 1)
  end as value
from pg_db_role_setting as s
cross join unnest(s.setconfig) as item
where s.setdatabase in (0, (select d.oid from pg_database as d where d.datname = current_database()))
  and (s.setrole = 0 or pg_get_userbyid(s.setrole) = any (cast(%(roles)s as text[])))
