"""Who may do what in the schema: applied with every upgrade, in the transaction of its revision.

Nobody but the owner touches a table; the application role may lock the cost gates, which are
empty. Functions for callers (SECURITY DEFINER) may be executed by the application role that the
settings name and, on Supabase, by `service_role`; helpers by nobody.
Supabase's administrators keep the tables that the platform's default privileges give
`service_role`: its key is theirs.
"""

from __future__ import annotations

from psycopg.sql import SQL, Literal

from campaigndb.migrations.functions import frozen_copies, head_paths
from campaigndb.migrations.version_table import VERSION_TABLE
from campaigndb.settings import Settings
from campaigndb.tables import cost_gates, metadata

# Name and value of the setting that functions lose on a Citus cluster.
RESET_ON_A_CLUSTER = ("plan_cache_mode", "force_generic_plan")

# One block that finds out on the server what there is: the same text serves online upgrades,
# offline scripts, and servers with and without Supabase's roles. Only what differs is changed: a
# needless change takes locks and rewrites catalog rows that callers read.
_APPLY = SQL("""
do $privileges$
declare
  v_schema text := {schema};
  v_schema_oid oid := to_regnamespace(quote_ident({schema}));
  v_app_role text := {app_role};
  v_role text;
  v_object record;
begin
  if v_app_role is not null and not exists (select from pg_roles where rolname = v_app_role) then
    raise exception using
      errcode = '42704',
      message = format('the role %I (CAMPAIGNDB_APP_ROLE) does not exist', v_app_role),
      hint = format('create it first (create role %I login), or unset the setting', v_app_role);
  end if;

  -- Whoever may create in the schema can put a better match beside a function or an operator
  -- that the owner's functions use, and so act as the owner.
  if has_schema_privilege('public', v_schema_oid, 'create') then
    raise warning using message = format(
      'everybody may create objects in the schema %1$I: revoke create on schema %1$I from public',
      v_schema
    );
  end if;

  for v_role in select rolname from pg_roles where rolname in (v_app_role, 'service_role') loop
    if not has_schema_privilege(v_role, v_schema_oid, 'usage') then
      execute format('grant usage on schema %I to %I', v_schema, v_role);
    end if;
    -- To grant what one may not grant is no error, only a warning.
    if not has_schema_privilege(v_role, v_schema_oid, 'usage') then
      raise exception using
        errcode = '42501',
        message = format(
          '%I may not grant usage on the schema %I to %I', current_user, v_schema, v_role
        ),
        hint = 'let the owner of the schema grant it';
    end if;
  end loop;

  for v_object in
    select distinct
      p.oid::regprocedure as signature,
      case when granted.grantee = 0 then 'public' else granted.grantee::regrole::text end as grantee
    from pg_proc as p
    cross join aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as granted
    where p.pronamespace = v_schema_oid
      and p.proname = any ({functions})
      and granted.grantee <> p.proowner
      and (
        not p.prosecdef
        or granted.grantee = 0
        or pg_get_userbyid(granted.grantee) in ('anon', 'authenticated')
      )
  loop
    execute format('revoke all on function %s from %s', v_object.signature, v_object.grantee);
  end loop;

  -- A cluster plans an INSERT ... SELECT with parameters for one call only, and fails otherwise.
  if exists (select from pg_extension where extname = 'citus') then
    for v_object in
      select p.oid::regprocedure as signature
      from pg_proc as p
      where p.pronamespace = v_schema_oid
        and p.proname = any ({functions})
        and {reset_entry} = any (p.proconfig)
    loop
      execute format('alter function %s reset {reset_name}', v_object.signature);
    end loop;
  end if;

  for v_object in
    select p.oid::regprocedure as signature, r.oid::regrole as grantee
    from pg_proc as p
    join pg_roles as r on r.rolname in (v_app_role, 'service_role')
    where p.pronamespace = v_schema_oid
      and p.proname = any ({functions})
      and p.prosecdef
      and not has_function_privilege(r.oid, p.oid, 'execute')
  loop
    execute format('grant execute on function %s to %s', v_object.signature, v_object.grantee);
  end loop;

  -- No policy, but for the revision's number, which whoever is granted it may read: only the owner,
  -- and so the functions, reach the rows, whatever is granted later.
  if to_regclass(format('%I.{version_table}', v_schema)) is not null
    and not exists (
      select from pg_policy as p
      where p.polrelid = to_regclass(format('%I.{version_table}', v_schema))
    )
  then
    execute format(
      'create policy alembic_version_is_readable on %I.{version_table} for select using (true)',
      v_schema
    );
  end if;
  for v_object in
    select c.oid::regclass as name
    from pg_class as c
    where c.relnamespace = v_schema_oid and c.relname = any ({tables}) and not c.relrowsecurity
  loop
    execute format('alter table %s enable row level security', v_object.name);
  end loop;

  -- Row security does not stop TRUNCATE, which default privileges may have granted.
  for v_object in
    select distinct
      c.oid::regclass as name,
      case when granted.grantee = 0 then 'public' else granted.grantee::regrole::text end as grantee
    from pg_class as c
    cross join aclexplode(c.relacl) as granted
    where c.relnamespace = v_schema_oid
      and c.relname = any ({tables})
      and granted.grantee <> c.relowner
      and (
        granted.grantee = 0
        or pg_get_userbyid(granted.grantee) in ('anon', 'authenticated', v_app_role)
      )
      and not coalesce(
        c.relname = any ({gates})
          and granted.privilege_type = 'UPDATE'
          and pg_get_userbyid(granted.grantee) = v_app_role,
        false
      )
  loop
    execute format('revoke all on table %s from %s', v_object.name, v_object.grantee);
  end loop;

  -- The least that lets a role lock a gate; a gate is empty, and nobody may insert.
  for v_object in
    select c.oid::regclass as name
    from pg_class as c
    where c.relnamespace = v_schema_oid
      and c.relname = any ({gates})
      and not has_table_privilege(v_app_role, c.oid, 'update')
  loop
    execute format('grant update on table %s to %I', v_object.name, v_app_role);
  end loop;
end
$privileges$
""")


def privileges_statement(settings: Settings) -> str:
    """The SQL that gives every table and function of the schema its privileges; repeatable."""
    return _APPLY.format(
        schema=Literal(settings.schema_name),
        app_role=Literal(settings.app_role),
        # Also those that a later revision drops: a downgrade makes them anew, open to everybody.
        functions=Literal(sorted({*head_paths(), *frozen_copies()})),
        tables=Literal([*metadata.tables, VERSION_TABLE]),
        version_table=SQL(VERSION_TABLE),
        reset_name=SQL(RESET_ON_A_CLUSTER[0]),
        reset_entry=Literal("=".join(RESET_ON_A_CLUSTER)),
        gates=Literal([gate.name for gate in cost_gates]),
    ).as_string()
