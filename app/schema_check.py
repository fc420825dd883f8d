"""Whether a live database is what this version of the code expects; it only reads.

Compared are the revision, the tables as Alembic sees them, each stored function with its head
file, and who may do what. CHECK constraints are not compared: Alembic does not look at them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Row, create_engine, pool, text
from sqlalchemy.engine import URL

from app.migrations.configuration import alembic_config
from app.migrations.functions import head_paths
from app.settings import Settings, get_settings
from app.tables import cost_gates, metadata


def schema_differences(url: URL, settings: Settings | None = None) -> list[str]:
    """One line for each difference between the database and the code; empty when there is none.

    Args:
        url: the database, as a role that may read its catalogs; no table is read.
        settings: say which schema is meant, and which application role; default: this process's.

    Raises:
        SQLAlchemyError: the database cannot be reached or read.
    """
    settings = settings or get_settings()
    if not _schema_exists(url, settings.schema_name):
        return [f"the schema {settings.schema_name} does not exist"]
    config = alembic_config(url, settings=settings, raise_errors=True)
    scripts = ScriptDirectory.from_config(config)
    differences: list[str] = []

    # Through env.py, so that the comparison has the options that migrations are made with.
    def look(_revision: Any, context: MigrationContext) -> list[Any]:
        connection = context.connection
        assert connection is not None
        connection.execute(text("set transaction read only"))
        differences.extend(_revision_differences(context, scripts))
        differences.extend(_table_differences(context))
        differences.extend(_function_differences(connection, settings))
        differences.extend(_privilege_differences(connection, settings))
        return []

    with EnvironmentContext(config, scripts, fn=look, dont_mutate=True):
        scripts.run_env()
    return differences


def _schema_exists(url: URL, schema: str) -> bool:
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        return bool(
            connection.execute(
                text("select exists (select from pg_namespace where nspname = :schema)"),
                {"schema": schema},
            ).scalar_one()
        )


# Revision


def _revision_differences(context: MigrationContext, scripts: ScriptDirectory) -> Iterator[str]:
    live, head = set(context.get_current_heads()), set(scripts.get_heads())
    if live != head:
        yield f"the revision is {_listed(live)}, the code's is {_listed(head)}"


def _listed(revisions: Iterable[str]) -> str:
    return ", ".join(sorted(revisions)) or "none"


# Tables


def _table_differences(context: MigrationContext) -> Iterator[str]:
    for difference in compare_metadata(context, metadata):
        # Changes of one column come as a list of their own.
        for change in difference if isinstance(difference, list) else [difference]:
            yield _describe_change(change)


def _describe_change(change: Sequence[Any]) -> str:
    """Alembic says what would have to be done; a reader wants to know what is the matter."""
    action, subject = change[0], change[-1]
    verb, _, kind = action.partition("_")
    kind = {"fk": "foreign key"}.get(kind, kind.replace("_", " "))
    if verb == "modify":
        _, _, table, column, _, live, expected = change
        return f"column {table}.{column}: its {kind} is {_shown(live)}, expected {_shown(expected)}"
    if kind == "column":
        name = f"{change[2]}.{subject.name}"
    elif kind == "table":
        name = subject.name
    else:
        name = f"{subject.name} of {subject.table.name}"
    return f"{kind} {name} " + ("is missing" if verb == "add" else "is not in the code")


def _shown(value: Any) -> str:
    argument = getattr(value, "arg", value)  # a server default wraps its expression
    return " ".join(str(argument).split())


# Functions

_HEAD = re.compile(
    r"create or replace function \w+\((?P<parameters>.*?)\)\n"
    r"returns (?P<result>.*?)\n(?P<properties>language .*?)as \$\$(?P<body>.*)\$\$;",
    re.DOTALL,
)
_LIVE = text("""
    select
      p.proname as name, p.prosrc as body, l.lanname as language,
      pg_get_function_arguments(p.oid) as parameters, pg_get_function_result(p.oid) as result,
      case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end
        as volatility,
      case p.proparallel when 's' then 'safe' when 'r' then 'restricted' else 'unsafe' end
        as parallel,
      p.prosecdef as security_definer, p.proisstrict as strict,
      coalesce(p.proconfig, '{}') as configuration
    from pg_proc as p
    join pg_language as l on l.oid = p.prolang
    where p.pronamespace = to_regnamespace(quote_ident(:schema)) and p.proname = any (:names)
    order by p.proname, p.oid
""")


@dataclass(frozen=True)
class _Function:
    """What is compared of one function, in PostgreSQL's own spelling."""

    parameters: str
    result: str
    language: str
    volatility: str
    parallel: str
    security_definer: bool
    strict: bool
    configuration: frozenset[str]
    body: str

    def differences(self, expected: _Function) -> Iterator[str]:
        for field in self.__dataclass_fields__:
            live, wanted = getattr(self, field), getattr(expected, field)
            if live == wanted:
                continue
            if field == "body":
                yield "its body is another one"
            elif field == "configuration":
                yield f"its settings are {_settings(live)}, expected {_settings(wanted)}"
            else:
                verb = "are" if field == "parameters" else "is"
                yield (
                    f"its {field.replace('_', ' ')} {verb} {_word(live)}, expected {_word(wanted)}"
                )


def _word(value: str | bool) -> str:
    return value if isinstance(value, str) else ("on" if value else "off")


def _settings(configuration: frozenset[str]) -> str:
    return " and ".join(sorted(configuration)) or "none"


def _function_differences(connection: Connection, settings: Settings) -> Iterator[str]:
    heads = {name: _read_head(path) for name, path in head_paths().items()}
    types = _type_names(connection, heads.values())
    live: dict[str, list[_Function]] = {}
    parameters = {"schema": settings.schema_name, "names": list(heads)}
    for row in connection.execute(_LIVE, parameters):
        live.setdefault(row.name, []).append(_from_catalog(row))
    for name, head in heads.items():
        expected = _from_head(head, types, settings.schema_name)
        found = live.get(name, [])
        if not found:
            yield f"function {name} is missing"
        elif len(found) > 1:
            yield f"function {name} exists {len(found)} times with different parameters"
        else:
            yield from (f"function {name}: {what}" for what in found[0].differences(expected))


def _read_head(path: Path) -> Mapping[str, str]:
    match = _HEAD.fullmatch(path.read_text(encoding="utf-8").strip())
    if match is None:
        raise ValueError(f"{path}: not in the form of a head file")
    return match.groupdict()


def _columns(declarations: str) -> Iterator[tuple[str, str, str]]:
    """Name, type and default of `a int, b jsonb default null`; no type here holds a comma."""
    for declaration in declarations.split(","):
        name, _, rest = declaration.strip().partition(" ")
        type_name, _, default = rest.partition(" default ")
        yield name, type_name.strip(), default.strip()


def _table_columns(result: str) -> str | None:
    """What is inside the parentheses of `table (…)`; None for any other result."""
    match = re.fullmatch(r"table\s*\((.*)\)", result.strip(), re.DOTALL)
    return match[1] if match else None


def _type_names(connection: Connection, heads: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """PostgreSQL's own name for each type that the head files name (`int`: `integer`)."""
    written: set[str] = set()
    for head in heads:
        columns = _table_columns(head["result"])
        written.update(type_name for _, type_name, _ in _columns(head["parameters"]))
        if columns is None:
            written.add(head["result"].strip())
        else:
            written.update(type_name for _, type_name, _ in _columns(columns))
    rows = connection.execute(
        text("select name, to_regtype(name)::text from unnest(cast(:names as text[])) as t (name)"),
        {"names": sorted(written)},
    )
    return {name: known or name for name, known in rows}


def _from_head(head: Mapping[str, str], types: Mapping[str, str], schema: str) -> _Function:
    def spelled(declarations: str) -> str:
        return ", ".join(
            f"{name} {types[type_name]}" + (f" default {default}" if default else "")
            for name, type_name, default in _columns(declarations)
        )

    columns = _table_columns(head["result"])
    properties = " ".join(head["properties"].split())
    volatility = re.search(r"\b(immutable|stable|volatile)\b", properties)
    parallel = re.search(r"\bparallel (safe|restricted|unsafe)\b", properties)
    language = re.match(r"language (\w+)", properties)
    assert language is not None
    configuration = {
        f"{name}={quoted or plain}"
        for name, quoted, plain in re.findall(r"\bset (\w+) to (?:'([^']*)'|(\w+))", properties)
    }
    if "set search_path from current" in properties:
        # As app.database.on_connect sets it for every migration.
        configuration.add(f"search_path={_spelled_search_path([schema, 'pg_temp'])}")
    return _Function(
        parameters=spelled(head["parameters"]),
        result=types[head["result"].strip()] if columns is None else f"table({spelled(columns)})",
        language=language[1],
        volatility=volatility[1] if volatility else "volatile",
        parallel=parallel[1] if parallel else "unsafe",
        security_definer="security definer" in properties,
        strict=bool(re.search(r"\bstrict\b|returns null on null input", properties)),
        configuration=frozenset(configuration),
        body=head["body"],
    )


def _from_catalog(row: Row[Any]) -> _Function:
    configuration = set()
    for setting in row.configuration:
        name, _, value = setting.partition("=")
        if name == "search_path":
            # Quoted or not, depending on how it was set.
            identifiers = re.findall(r'"((?:[^"]|"")*)"|([^\s,"]+)', value)
            value = _spelled_search_path(
                [quoted.replace('""', '"') or plain for quoted, plain in identifiers]
            )
        configuration.add(f"{name}={value}")
    return _Function(
        parameters=_without_casts(row.parameters),
        result=_without_casts(row.result),
        language=row.language,
        volatility=row.volatility,
        parallel=row.parallel,
        security_definer=row.security_definer,
        strict=row.strict,
        configuration=frozenset(configuration),
        body=row.body,
    )


def _spelled_search_path(schemas: Iterable[str]) -> str:
    """Each way of writing the same search path as one text."""
    return ", ".join(
        name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'
        for name in schemas
    )


def _without_casts(declarations: str) -> str:
    """`p_metadata jsonb DEFAULT NULL::jsonb` as a head file writes it."""
    plain = re.sub(r"::[a-z][a-z ]*(\[\])?", "", declarations)
    return re.sub(r"\b(DEFAULT|NULL|TABLE)\b", lambda keyword: keyword[0].lower(), plain)


# Privileges

_OPEN_TO_ALL = text("""
    select p.oid::regprocedure::text
    from pg_proc as p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as granted
    where p.pronamespace = to_regnamespace(quote_ident(:schema))
      and p.proname = any (:names)
      and granted.grantee = 0
      and granted.privilege_type = 'EXECUTE'
    order by p.proname
""")
_WITHOUT_ROW_SECURITY = text("""
    select c.relname
    from pg_class as c
    where c.relnamespace = to_regnamespace(quote_ident(:schema))
      and c.relname = any (:tables)
      and not c.relrowsecurity
    order by c.relname
""")
_EXECUTABLE = text("""
    select p.proname
    from pg_proc as p
    where p.pronamespace = to_regnamespace(quote_ident(:schema))
      and p.proname = any (:names)
      and has_function_privilege(:role, p.oid, 'execute')
""")
_TABLE_PRIVILEGES = text("""
    select
      c.relname as name,
      has_table_privilege(:role, c.oid, 'update') as may_update,
      has_table_privilege(:role, c.oid, 'select, insert, delete, truncate') as may_more
    from pg_class as c
    where c.relnamespace = to_regnamespace(quote_ident(:schema)) and c.relname = any (:tables)
    order by c.relname
""")


def _privilege_differences(connection: Connection, settings: Settings) -> Iterator[str]:
    heads = {name: _read_head(path) for name, path in head_paths().items()}
    known = {
        "schema": settings.schema_name,
        "names": list(heads),
        "tables": list(metadata.tables),
    }
    for signature in connection.execute(_OPEN_TO_ALL, known).scalars():
        yield f"function {signature}: everybody may execute it"
    for table in connection.execute(_WITHOUT_ROW_SECURITY, known).scalars():
        yield f"table {table}: row security is off"

    role = settings.app_role
    if role is None:
        return
    known["role"] = role
    if not connection.execute(
        text("select exists (select from pg_roles where rolname = :role)"), known
    ).scalar_one():
        yield f"the role {role} does not exist"
        return
    executable = set(connection.execute(_EXECUTABLE, known).scalars())
    for name, head in heads.items():
        is_for_callers = "security definer" in head["properties"]
        if is_for_callers and name not in executable:
            yield f"function {name}: the role {role} may not execute it"
        elif not is_for_callers and name in executable:
            yield f"function {name}: the role {role} may execute it, though it is no caller's"
    gates = {gate.name for gate in cost_gates}
    for table in connection.execute(_TABLE_PRIVILEGES, known):
        if table.name not in gates:
            if table.may_update or table.may_more:
                yield f"table {table.name}: the role {role} has privileges on it"
            continue
        # UPDATE on an empty table is what lets a role lock it.
        if not table.may_update:
            yield f"table {table.name}: the role {role} may not lock it (no UPDATE)"
        if table.may_more:
            yield f"table {table.name}: the role {role} has other privileges than UPDATE on it"
