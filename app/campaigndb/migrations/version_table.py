"""The table with the schema's revision. It has its own name, apart from other uses of Alembic.

The first releases used Alembic's default name, `alembic_version`. The next command that changes the
schema renames such a table if it is this project's: it has a revision of ours, and our tables are
in the same schema. Another project's `alembic_version` is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from psycopg.sql import SQL, Identifier, Literal
from sqlalchemy import Connection, text

VERSION_TABLE = "gmaps_alembic_version"
FORMER_TABLE = "alembic_version"
# A table that every revision has.
OLDEST_TABLE = "gmaps_campaigns"

_FIND = text(f"""
    select c.relname
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = :schema
      and c.relkind in ('r', 'p')
      and (
        c.relname = '{VERSION_TABLE}'
        or c.relname = '{FORMER_TABLE}' and exists (
          select from pg_class as t where t.relnamespace = n.oid and t.relname = '{OLDEST_TABLE}'
        )
      )
    order by c.relname = '{VERSION_TABLE}' desc
    limit 1
""")  # noqa: S608 (constants)

# Citus can rename an index, but not a constraint.
_TAKE_OVER = SQL("""
do $take_over$
declare
  v_schema text := {schema};
  v_is_ours boolean;
begin
  if to_regclass(format('%I.{table}', v_schema)) is null
    and to_regclass(format('%I.{former}', v_schema)) is not null
    and to_regclass(format('%I.{oldest}', v_schema)) is not null
  then
    execute format('select bool_and(version_num::text = any ($1)) from %I.{former}', v_schema)
      into v_is_ours using {revisions}::text[];
    if v_is_ours then
      execute format('alter table %I.{former} rename to {table}', v_schema);
      execute format('alter index if exists %I.{former}_pkc rename to {table}_pkc', v_schema);
    end if;
  end if;
end
$take_over$
""")

_CHECK_START = SQL("""
do $start$
declare
  v_schema text := {schema};
  v_start text := {start};
  v_end text := {end};
  v_script text := {script};
  v_found text;
begin
  -- psql may go on after an error: where the first transaction failed, none of the others works.
  if {is_first} then
    perform set_config('campaigndb.script', v_script, false);
  elsif current_setting('campaigndb.script', true) is distinct from v_script then
    raise exception 'the script % failed before: nothing was changed', v_script;
  end if;

  if to_regclass(format('%I.{table}', v_schema)) is not null then
    execute format(
      'select string_agg(version_num, '', '' order by version_num) from %I.{table}', v_schema
    ) into v_found;
    -- A downgrade to nothing leaves it empty; the script makes it anew.
    if v_found is null and v_start is null then
      execute format('drop table %I.{table}', v_schema);
    end if;
  end if;
  if v_found is distinct from v_start then
    raise exception using message = format(
      case
        when v_found is not distinct from v_end
          then 'the schema %1$I is at %2$s already, where this script leads: nothing was changed'
        else 'the schema %1$I is at %2$s, and this script starts from %3$s: nothing was changed'
      end,
      v_schema, coalesce(v_found, 'no revision'), coalesce(v_start, 'no revision')
    );
  end if;
  set search_path to {identifier}, pg_temp;
end
$start$
""")
# For the statement before such a transaction. psql may continue after an error. Then a statement
# outside of transactions (an index created concurrently) finds no table.
NOWHERE = "SET search_path TO pg_temp"


def find_version_table(connection: Connection, schema: str) -> str | None:
    """The current name of the table with the schema's revision; None if there is none."""
    found: str | None = connection.execute(_FIND, {"schema": schema}).scalar_one_or_none()
    return found


def take_over_statement(schema: str, revisions: Iterable[str]) -> str:
    """SQL that renames the table of an earlier release, if there is one; safe to repeat."""
    return _TAKE_OVER.format(
        schema=Literal(schema), revisions=Literal(sorted(revisions)), **_names()
    ).as_string()


def check_start_statement(
    schema: str, start: str | None, end: str | None, *, script: str, is_first: bool
) -> str:
    """SQL for a transaction that requires the schema to be at `start` (None = no revision).

    Otherwise it fails, with another message if the schema is at `end` already. It also fails if the
    first transaction of the `script` failed. After it, names belong to the schema.
    """
    return _CHECK_START.format(
        schema=Literal(schema),
        start=Literal(start),
        end=Literal(end),
        script=Literal(script),
        is_first=Literal(is_first),
        identifier=Identifier(schema),
        **_names(),
    ).as_string()


def _names() -> dict[str, SQL]:
    return {"table": SQL(VERSION_TABLE), "former": SQL(FORMER_TABLE), "oldest": SQL(OLDEST_TABLE)}
