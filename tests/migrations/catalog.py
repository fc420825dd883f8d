"""What the catalogs say of one schema, in a form in which two databases can be compared."""

from __future__ import annotations

from typing import Any

import psycopg
from sqlalchemy.engine import URL

Snapshot = dict[str, list[tuple[Any, ...]]]

# Names are unqualified where the search path is the schema, so that schemas can be compared too.
_QUERIES = {
    "functions": """
        select p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid),
          md5(p.prosrc || coalesce(pg_get_function_sqlbody(p.oid), '')), l.lanname,
          p.provolatile, p.proparallel, p.prosecdef, p.proisstrict,
          replace(array_to_string(p.proconfig, '; '), quote_ident(%(schema)s), 'SCHEMA'),
          p.proowner::regrole::text, {acl('p.proacl')}
        from pg_proc as p join pg_language as l on l.oid = p.prolang
        where p.pronamespace = {namespace}
    """,
    "relations": """
        select c.relname, c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity,
          c.reloptions, c.relowner::regrole::text, {acl('c.relacl')}
        from pg_class as c where c.relnamespace = {namespace}
    """,
    "columns": """
        select c.relname, rank() over (partition by c.oid order by a.attnum), a.attname,
          format_type(a.atttypid, a.atttypmod), a.attnotnull,
          a.attgenerated, a.attidentity, a.attstorage, {acl('a.attacl')},
          pg_get_expr(d.adbin, d.adrelid)
        from pg_class as c
        join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        left join pg_attrdef as d on d.adrelid = c.oid and d.adnum = a.attnum
        where c.relnamespace = {namespace} and c.relkind in ('r', 'p')
    """,
    "constraints": """
        select c.conrelid::regclass::text, c.conname, c.contype, c.convalidated,
          pg_get_constraintdef(c.oid)
        from pg_constraint as c where c.connamespace = {namespace}
    """,
    "indexes": """
        select i.indexrelid::regclass::text, i.indisvalid, i.indisunique, i.indisprimary,
          replace(pg_get_indexdef(i.indexrelid), quote_ident(%(schema)s) || '.', '')
        from pg_index as i join pg_class as c on c.oid = i.indexrelid
        where c.relnamespace = {namespace}
    """,
    "types": """
        select t.typname, t.typtype from pg_type as t where t.typnamespace = {namespace}
    """,
    "triggers": """
        select t.tgrelid::regclass::text,
          replace(pg_get_triggerdef(t.oid), quote_ident(%(schema)s) || '.', '')
        from pg_trigger as t join pg_class as c on c.oid = t.tgrelid
        where c.relnamespace = {namespace} and not t.tgisinternal
    """,
    "policies": """
        select p.polrelid::regclass::text, p.polname
        from pg_policy as p join pg_class as c on c.oid = p.polrelid
        where c.relnamespace = {namespace}
    """,
    "schema": """
        select n.nspowner::regrole::text, {acl('n.nspacl')}
        from pg_namespace as n where n.oid = {namespace}
    """,
}


def _acl(column: str) -> str:
    return f"(select array_agg(item::text order by item::text) from unnest({column}) as item)"


def snapshot(url: URL, schema: str = "public") -> Snapshot:
    """Every function, table, column, constraint, index, privilege and owner of a schema."""
    with connect(url) as connection:
        connection.execute("select set_config('search_path', quote_ident(%s), false)", [schema])
        parameters = {"schema": schema}
        found: Snapshot = {}
        for kind, template in _QUERIES.items():
            query = template.replace("{namespace}", "to_regnamespace(quote_ident(%(schema)s))")
            for column in ("p.proacl", "c.relacl", "a.attacl", "n.nspacl"):
                query = query.replace(f"{{acl('{column}')}}", _acl(column))
            rows = connection.execute(query.encode(), parameters).fetchall()
            found[kind] = sorted(rows, key=repr)
        return found


def names(url: URL, schema: str = "public") -> set[str]:
    """The names of all functions, relations and types of a schema."""
    found = snapshot(url, schema)
    return {row[0] for kind in ("functions", "relations", "types") for row in found[kind]}


def connect(url: URL, **options: Any) -> psycopg.Connection[Any]:
    """A connection of psycopg's own, in autocommit mode, to a SQLAlchemy URL's database."""
    # Not as text: names of roles may hold anything.
    parts = {
        "host": url.host,
        "port": url.port,
        "user": url.username,
        "password": url.password,
        "dbname": url.database,
    }
    return psycopg.connect(autocommit=True, **parts, **url.query, **options)
