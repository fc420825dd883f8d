"""Who may do what in the schema: applied with every upgrade, in the transaction of its revision.

Nobody but the owner touches a table. Functions for callers may be executed by the application
role that the settings name and, on Supabase, by `service_role`; helpers by nobody.
"""

from __future__ import annotations

from psycopg.sql import SQL, Literal

from app.migrations.functions import (
    function_name,
    head_paths,
    is_for_callers,
    read_function,
)
from app.settings import Settings
from app.tables import metadata

# The roles that Supabase's HTTP API runs as; the last one is that of trusted servers.
SUPABASE_ROLES = ("anon", "authenticated", "service_role")

# One block that finds out on the server what there is: the same text serves online upgrades,
# offline scripts, and servers with and without the platform's roles.
_APPLY = SQL("""
do $privileges$
declare
  v_schema text := {schema};
  v_app_role text := {app_role};
  v_object record;
  v_role text;
begin
  if v_app_role is not null and not exists (select from pg_roles where rolname = v_app_role) then
    raise exception using
      errcode = '42704',
      message = format('The role %I (CAMPAIGNDB_APP_ROLE) does not exist', v_app_role),
      hint = format('Create it first (create role %I login), or unset the setting.', v_app_role);
  end if;
  if v_app_role is not null and not has_schema_privilege(v_app_role, v_schema, 'usage') then
    execute format('grant usage on schema %I to %I', v_schema, v_app_role);
  end if;
  for v_object in
    select p.oid, p.oid::regprocedure as signature, p.proname = any ({callable}) as is_for_callers
    from pg_proc as p
    where p.pronamespace = to_regnamespace(quote_ident(v_schema)) and p.proname = any ({known})
  loop
    -- Only what differs is changed: a needless change rewrites catalog rows that callers read.
    for v_role in
      select 'public' union all select rolname from pg_roles where rolname = any ({supabase_roles})
    loop
      if has_function_privilege(v_role, v_object.oid, 'execute')
        and not (v_object.is_for_callers and v_role = 'service_role')
      then
        execute format(
          'revoke all on function %s from %s',
          v_object.signature, case v_role when 'public' then v_role else quote_ident(v_role) end
        );
      end if;
    end loop;
    for v_role in select rolname from pg_roles where rolname in (v_app_role, 'service_role') loop
      if v_object.is_for_callers
        and not has_function_privilege(v_role, v_object.oid, 'execute')
      then
        execute format('grant execute on function %s to %I', v_object.signature, v_role);
      end if;
    end loop;
  end loop;
  for v_object in
    select c.oid, c.oid::regclass as name
    from pg_class as c
    where c.relnamespace = to_regnamespace(quote_ident(v_schema))
      and c.relkind in ('r', 'p')
      and c.relname = any ({tables})
  loop
    for v_role in select rolname from pg_roles where rolname in ('anon', 'authenticated') loop
      execute format('revoke all on table %s from %I', v_object.name, v_role);
    end loop;
  end loop;
end
$privileges$
""")


def privileges_statement(settings: Settings) -> str:
    """The SQL that gives every table and function of the schema its privileges; repeatable."""
    functions = [read_function(path, settings.schema_name) for path in head_paths().values()]
    return _APPLY.format(
        schema=Literal(settings.schema_name),
        app_role=Literal(settings.app_role),
        callable=Literal([function_name(f) for f in functions if is_for_callers(f)]),
        known=Literal([function_name(f) for f in functions]),
        tables=Literal([*metadata.tables, "alembic_version"]),
        supabase_roles=Literal(list(SUPABASE_ROLES)),
    ).as_string()
