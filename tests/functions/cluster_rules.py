"""What a function's text must keep to, so that it runs where Citus has put the tenant's schema."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from pglast import ast, parse_plpgsql, parse_sql
from pglast.enums import CmdType, OnConflictAction

from campaigndb.migrations.functions import head_paths
from campaigndb.tables import metadata

VOLATILE = (
    "no volatile or stable function in DO UPDATE, nor in a MERGE's: Citus refuses it, since every"
    " placement of a row would compute a value of its own; take it into a variable first"
)
TEMPORARY = (
    "no temporary table: it exists on the node of the session only, and cannot be joined with"
    " tables that Citus has put on another; use a common table expression or an array"
)
CURSOR = (
    "no cursor or loop over a table: Citus does not run every cursor over distributed tables, and"
    " each fetch is a way across the network; write one statement, or take the rows into an array"
)
OUTSIDE = (
    "nothing outside of the tenant's schema and pg_catalog: the schema is alone on its node, and"
    " a name that says its schema is the same in every tenant"
)
UNBOUND = (
    "no helper whose text calls another of ours, in a statement over tables: Citus sends the"
    " statement to the tenant's node, whose search path does not have the schema, so that the name"
    " in the text means nothing there; give the helper a body that binds names: begin atomic … end"
)
COUNTED = (
    "no INSERT ... SELECT but in a WITH, with a RETURNING to count: Citus runs a bare one as a"
    " COPY, whose errors all come as XX000, so that no handler finds its SQLSTATE, and which"
    " counts the rows selected as written"
)
SOURCE = (
    "no table in what an INSERT selects: Citus sends the statement as a whole, and then leaves"
    " rows out or writes what is no SQL; read the table into arrays before"
)
BROADCAST = (
    "no WITH of the statement around in what an INSERT selects: Citus sends its rows to all nodes,"
    " commits in two phases, and fails with one node down; select from unnest() of arrays, or give"
    " the WITH to the INSERT's own SELECT"
)
ROW_COUNT = "no ROW_COUNT: Citus may say how many rows were selected; count what RETURNING gives"
MUTABLE = (
    "no volatile or stable function of a column in what changes rows, and none in a CASE or"
    " COALESCE there: Citus refuses it; take it into a variable, or look the rows up in a"
    " subquery in FROM"
)
RETURNED = "no volatile or stable function in RETURNING: Citus refuses it"
SIMPLE_CASE = (
    "no CASE x WHEN y in what changes rows: Citus computes the comparison without the x; write"
    " CASE WHEN x = y"
)
EMPTY = (
    "no UNION of SELECTs without columns: Citus stores its rows, and there are none to read back"
)
NESTED = (
    "no function that reads tables in a query over tables: it would run on the node, where"
    " Citus refuses a query within a query; read the table in the query itself, or call it"
    " before"
)
INLINED = (
    "no table in an SQL function that can become a part of its caller's query, or in a body"
    " that binds names: Citus plans no parameters of it, and finds its tables depending on it;"
    " write PL/pgSQL, or give it a SET and a text"
)
DYNAMIC = "no SQL that is put together at run time: nobody can read in it what the rules ask"

# What begins a function's body: a text, or an SQL-standard body.
BODY = re.compile(r"\bas \$\$|\bbegin atomic\b")

_CURSORS = ("PLpgSQL_stmt_open", "PLpgSQL_stmt_fors")
_DYNAMIC = ("PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors")
# Their text becomes another type by the session's time zone, or by what a catalog holds just now.
_UNSTABLE_CASTS = ("timestamptz", "timestamp", "timetz", "time", "date")
_LOOKED_UP = ("regclass", "regproc", "regprocedure", "regtype", "regnamespace", "regrole")


@dataclass(frozen=True)
class Names:
    """What unqualified names may mean: PostgreSQL's functions, and whether each, under all its
    parameters, is immutable; its types; the same of the schema; and which functions of the
    schema look for others by the search path of whoever calls them."""

    functions: Mapping[str, bool]
    types: frozenset[str]
    unbound: frozenset[str]
    readers: frozenset[str]
    tables: frozenset[str] = frozenset(metadata.tables)


def read_names(connection: psycopg.Connection[Any]) -> Names:
    builtin = connection.execute(
        "select proname, bool_and(provolatile = 'i') from pg_proc"
        " where pronamespace = 'pg_catalog'::regnamespace group by proname"
    ).fetchall()
    types = connection.execute(
        "select typname from pg_type where typnamespace = 'pg_catalog'::regnamespace"
    ).fetchall()
    texts = {name: path.read_text(encoding="utf-8") for name, path in head_paths().items()}
    own = {
        name: re.search(r"\bimmutable\b", properties(text)) is not None
        for name, text in texts.items()
    }
    return Names(
        dict(builtin) | own,
        frozenset(name for (name,) in types),
        unbound(texts),
        readers(texts),
    )


def properties(text: str) -> str:
    """What a `create function` says before its body."""
    return BODY.split(text, maxsplit=1)[0]


def unbound(texts: Mapping[str, str]) -> frozenset[str]:
    """The functions, of these by name, that need the schema in their caller's search path.

    One with a path of its own needs none. An SQL-standard body binds its own names, but not
    those that a text which it calls looks for.
    """
    calls = {
        name: {
            _strings(node.funcname)[-1]
            for statement in statements(text)
            for node in nodes(statement)
            if isinstance(node, ast.FuncCall)
        }
        & texts.keys()
        for name, text in texts.items()
        if "set search_path" not in properties(text)
    }
    found = {name for name, called in calls.items() if called and "$$" in texts[name]}
    while more := {name for name, called in calls.items() if called & found} - found:
        found |= more
    return frozenset(found)


def readers(texts: Mapping[str, str]) -> frozenset[str]:
    """The functions, of these by name, that read tables, themselves or by what they call."""
    bodies = {name: tuple(statements(text)) for name, text in texts.items()}
    found = {name for name in texts if any(map(_tables, bodies[name]))}
    calls = {
        name: {
            _strings(node.funcname)[-1]
            for node in nodes(bodies[name])
            if isinstance(node, ast.FuncCall)
        }
        for name in texts
    }
    while more := {name for name, called in calls.items() if called & found} - found:
        found |= more
    return frozenset(found)


def violations(text: str, names: Names) -> list[str]:
    """Every rule that a `create function` breaks, with where and why; each once."""
    return list(dict.fromkeys(_violations(text, names)))


def _violations(text: str, names: Names) -> Iterator[str]:
    [raw] = parse_sql(text)
    yield from _in_statement(raw.stmt, names)
    for statement in statements(text):
        yield from _in_statement(statement, names)
        yield from _in_calls(statement, names)
        yield from _in_changes(statement, names)
    if _language(text) == "sql":
        if any(map(_tables, statements(text))) and ("$$" not in text or _is_inlined(text)):
            yield f"the body: {INLINED}"
        return
    for kind, node in _plpgsql_nodes(parse_plpgsql(text)):
        if kind == "PLpgSQL_type":
            yield from _in_type(node["typname"], names)
        elif kind == "PLpgSQL_stmt_getdiag" and "ROW_COUNT" in str(node):
            yield f"get diagnostics: {ROW_COUNT}"
        elif kind in _DYNAMIC or "dynquery" in node:
            yield f"{kind.removeprefix('PLpgSQL_stmt_')}: {DYNAMIC}"
        elif (kind in _CURSORS and "query" in node) or "cursor_explicit_expr" in node:
            query = (node.get("query") or node["cursor_explicit_expr"])["PLpgSQL_expr"]
            if any(_tables(statement) for statement in _parsed(query)):
                yield f"{_shortened(query['query'])}: {CURSOR}"


def _language(text: str) -> str:
    language = re.search(r"\blanguage (\w+)", text)
    assert language is not None
    assert language[1] in ("sql", "plpgsql")
    return language[1]


def statements(text: str) -> Iterator[ast.Node]:
    """The statements of a function's body."""
    if _language(text) == "plpgsql":
        for kind, node in _plpgsql_nodes(parse_plpgsql(text)):
            if kind == "PLpgSQL_expr":
                yield from _parsed(node)
    elif "$$" in text:
        yield from (raw.stmt for raw in parse_sql(text.split("$$")[1]))
    else:
        [raw] = parse_sql(text)
        [body] = raw.stmt.sql_body
        yield from body


def _plpgsql_nodes(tree: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(tree, list):
        for item in tree:
            yield from _plpgsql_nodes(item)
    elif isinstance(tree, dict):
        for key, value in tree.items():
            if key.startswith("PLpgSQL_") and isinstance(value, dict):
                yield key, value
            yield from _plpgsql_nodes(value)


def _parsed(expression: Mapping[str, Any]) -> list[ast.Node]:
    """The statement of an expression; what is assigned or computed becomes a SELECT."""
    query, mode = expression["query"], expression["parseMode"]
    if mode >= 3:  # an assignment, whose target is a variable
        query = re.split(r":?=", query, maxsplit=1)[1]
    if mode >= 2:
        query = f"select {query}"
    return [raw.stmt for raw in parse_sql(query)]


def nodes(root: Any) -> Iterator[ast.Node]:
    if isinstance(root, tuple):
        for item in root:
            yield from nodes(item)
    elif isinstance(root, ast.Node):
        yield root
        for attribute in root:
            yield from nodes(getattr(root, attribute))


def _tables(statement: ast.Node) -> list[ast.RangeVar]:
    """The tables that a statement names, without its common table expressions."""
    named = {node.ctename for node in nodes(statement) if isinstance(node, ast.CommonTableExpr)}
    return [
        node
        for node in nodes(statement)
        if isinstance(node, ast.RangeVar) and (node.schemaname or node.relname not in named)
    ]


def _in_statement(statement: ast.Node, names: Names) -> Iterator[str]:
    created = set()
    for node in nodes(statement):
        if isinstance(node, ast.InsertStmt):
            yield from _in_conflict(node.onConflictClause, names)
        elif isinstance(node, ast.MergeWhenClause) and node.commandType == CmdType.CMD_UPDATE:
            yield from _in_update((node.targetList, node.condition), names)
        elif isinstance(node, ast.DeclareCursorStmt):
            yield f"declare {node.portalname}: {CURSOR}"
        elif isinstance(node, ast.VariableSetStmt) and node.name == "search_path":
            if type(statement) is not ast.CreateFunctionStmt or node.args is not None:
                yield f"set search_path: {OUTSIDE}"
        elif isinstance(node, ast.RangeVar) and (
            node.relpersistence == "t" or node.schemaname == "pg_temp"
        ):
            created.add(node.relname)
            yield f"{node.relname}: {TEMPORARY}"
        else:
            yield from _in_name(node, names)
    for table in _tables(statement):
        if table.relname not in created and (
            table.schemaname is not None or table.relname not in names.tables
        ):
            yield f"{_dotted((table.schemaname, table.relname))}: {OUTSIDE}"


def _in_name(node: ast.Node, names: Names) -> Iterator[str]:
    qualified: tuple[str, ...] = ()
    if isinstance(node, ast.FuncCall):
        qualified = _strings(node.funcname)
        if qualified[-1] not in names.functions:
            yield f"{_dotted(qualified)}(): {OUTSIDE}"
        elif qualified[-1] == "set_config":
            yield f"set_config(): {OUTSIDE}"
    elif isinstance(node, ast.TypeName):
        qualified = _strings(node.names)
        if qualified[-1] not in names.types | names.tables:
            yield f"{_dotted(qualified)}: {OUTSIDE}"
        elif qualified[-1] in _LOOKED_UP:
            yield f"{_dotted(qualified)}: {DYNAMIC}"
    elif isinstance(node, ast.A_Expr):
        qualified = _strings(node.name)
    elif isinstance(node, ast.CollateClause):
        qualified = _strings(node.collname)
    elif isinstance(node, ast.CreateFunctionStmt):
        qualified = _strings(node.funcname)
    elif isinstance(node, ast.ColumnRef) and len(node.fields) > 2:
        yield f"{_dotted(_strings(node.fields))}: {OUTSIDE}"
    if len(qualified) > 1 and qualified[0] != "pg_catalog":
        yield f"{_dotted(qualified)}: {OUTSIDE}"


def _in_conflict(clause: ast.OnConflictClause | None, names: Names) -> Iterator[str]:
    if clause is None or clause.action != OnConflictAction.ONCONFLICT_UPDATE:
        return
    yield from _in_update((clause.targetList, clause.whereClause), names)


def _in_update(clauses: tuple[Any, ...], names: Names) -> Iterator[str]:
    for node in nodes(clauses):
        if isinstance(node, ast.SQLValueFunction):
            yield f"{node.op.name.removeprefix('SVFOP_').lower()}: {VOLATILE}"
        elif isinstance(node, ast.FuncCall):
            name = _strings(node.funcname)[-1]
            if not names.functions.get(name, False):
                yield f"{name}(): {VOLATILE}"
        elif isinstance(node, ast.TypeCast):
            name = _strings(node.typeName.names)[-1]
            if name in _UNSTABLE_CASTS:
                yield f"cast to {name}: {VOLATILE}"
            elif name == "interval":
                # A day more depends on the session's time zone.
                yield f"arithmetic of interval: {VOLATILE}"


def _in_calls(statement: ast.Node, names: Names) -> Iterator[str]:
    if any(table.relname in names.tables for table in _tables(statement)):
        for node in nodes(statement):
            if isinstance(node, ast.FuncCall) and _strings(node.funcname)[-1] in names.unbound:
                yield f"{_strings(node.funcname)[-1]}(): {UNBOUND}"


def _is_inlined(text: str) -> bool:
    return re.search(r"^(security definer|set )", properties(text), re.MULTILINE) is None


def _in_changes(statement: ast.Node, names: Names) -> Iterator[str]:
    """What Citus gets wrong or refuses in a statement over tables, above all in one that writes."""
    if not _tables(statement):
        return
    named = {
        id(node.ctequery): node.ctename
        for node in nodes(statement)
        if isinstance(node, ast.CommonTableExpr)
    }
    for node in nodes(statement):
        if isinstance(node, ast.FuncCall) and _strings(node.funcname)[-1] in names.readers:
            yield f"{_strings(node.funcname)[-1]}(): {NESTED}"
        elif isinstance(node, ast.SelectStmt) and node.larg is not None:
            if any(
                side.targetList is None and side.larg is None for side in (node.larg, node.rarg)
            ):
                yield f"union: {EMPTY}"
        elif isinstance(node, (ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt)):
            table = node.relation.relname
            if any(
                isinstance(inner, ast.CaseExpr) and inner.arg is not None for inner in nodes(node)
            ):
                yield f"{table}: {SIMPLE_CASE}"
            for name in _mutable(node.returningClause, names, within=True):
                yield f"{name}: {RETURNED}"
            if isinstance(node, ast.InsertStmt):
                yield from _in_insert(node, named)
            else:
                changed = (getattr(node, "targetList", None), node.whereClause)
                for name in _mutable(changed, names):
                    yield f"{name}: {MUTABLE}"


def _in_insert(insert: ast.InsertStmt, named: Mapping[int, str]) -> Iterator[str]:
    select = insert.selectStmt
    if select is None or select.valuesLists is not None:
        return
    if insert.returningClause is None or id(insert) not in named:
        yield f"{insert.relation.relname}: {COUNTED}"
    # What the SELECT's own WITH names is not among them.
    for table in _tables(select):
        reason = BROADCAST if table.relname in named.values() else SOURCE
        yield f"{insert.relation.relname} from {table.relname}: {reason}"


def _mutable(root: Any, names: Names, *, within: bool = False) -> Iterator[str]:
    """Functions that are not immutable: of a column, or, `within` CASE or COALESCE, any."""
    if isinstance(root, tuple):
        for item in root:
            yield from _mutable(item, names, within=within)
    if not isinstance(root, ast.Node) or isinstance(root, ast.SubLink):
        return
    within = within or isinstance(root, (ast.CaseExpr, ast.CoalesceExpr))
    name = None
    if isinstance(root, ast.FuncCall) and not names.functions.get(
        _strings(root.funcname)[-1], False
    ):
        name = f"{_strings(root.funcname)[-1]}()"
    elif isinstance(root, ast.SQLValueFunction):
        name = root.op.name.removeprefix("SVFOP_").lower()
    elif isinstance(root, ast.TypeCast):
        to = _strings(root.typeName.names)[-1]
        is_row = isinstance(root.arg, ast.ColumnRef) and len(root.arg.fields) == 1
        if to in _UNSTABLE_CASTS and not isinstance(root.arg, ast.A_Const):
            name = f"cast to {to}"
        elif to == "interval" and within:
            name = "arithmetic of interval"
        elif is_row and _is_of_a_column(root.arg):
            name = f"cast of a row to {to}"
    if name is not None and (within or _is_of_a_column(root)):
        yield name
    for attribute in root:
        yield from _mutable(getattr(root, attribute), names, within=within)


def _is_of_a_column(root: ast.Node) -> bool:
    """Variables and parameters have names that begin with v_ or p_."""
    return any(
        isinstance(node, ast.ColumnRef) and not _strings(node.fields)[0].startswith(("v_", "p_"))
        for node in nodes(root)
    )


def _in_type(name: str, names: Names) -> Iterator[str]:
    """A variable's type as PL/pgSQL tells it: `jsonb`, `t%rowtype`, `t.c%TYPE`."""
    if "%" not in name:
        [raw] = parse_sql(f"select null::{name}")
        yield from _in_statement(raw.stmt, names)
        return
    parts = name.split("%")[0].split(".")
    if name.lower().endswith("%type"):
        parts = parts[:-1] or parts
    if len(parts) > 1 or parts[0] not in names.tables:
        yield f"{name}: {OUTSIDE}"


def _strings(nodes: tuple[Any, ...] | None) -> tuple[str, ...]:
    return tuple(node.sval for node in nodes or () if isinstance(node, ast.String)) or ("",)


def _dotted(parts: tuple[str | None, ...]) -> str:
    return ".".join(part for part in parts if part)


def _shortened(query: str) -> str:
    line = " ".join(query.split())
    return line if len(line) <= 60 else f"{line[:60]}…"
