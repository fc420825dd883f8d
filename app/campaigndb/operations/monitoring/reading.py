"""Reads all parts in two round trips: the role's privileges, then all parts in one statement.

On a Citus cluster two more find the node that has the schema's rows, and ask it about its tables.

`parts/<name>.sql` is the query of each part. If the statement fails, each part is read separately,
so that a part that cannot be read does not affect the others.
"""

from __future__ import annotations

import datetime
import math
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from campaigndb.calling.catalogue import BUDGETS
from campaigndb.calling.errors import from_exception
from campaigndb.calling.json_codec import load_json
from campaigndb.database import quote_identifier
from campaigndb.operations.monitoring.statistics import (
    DatabaseStatistics,
    FunctionStatistics,
    IndexStatistics,
    LockWait,
    QueueLength,
    Statistics,
    TableStatistics,
    Unavailable,
)
from campaigndb.operations.owner_reading import INSUFFICIENT_PRIVILEGE
from campaigndb.operations.reconciliation import Reconciliation, reconcile_on
from campaigndb.operations.tenants import citus
from campaigndb.settings import check_schema_name, get_settings
from campaigndb.tables import cost_gates, metadata, suppression_gate

FOLDER = Path(__file__).parent
FUNCTIONS = FOLDER.parents[1] / "functions"
LOCK_TIMEOUT_SECONDS = 2.0
# After a lock timeout, each part waits only this long, to find the locked table.
LOOK_TIMEOUT_SECONDS = 0.1
STATEMENT_TIMEOUT_SECONDS = 60
LOCK_NOT_AVAILABLE = "55P03"
QUERY_CANCELED = "57014"

# Without the gates, which have no rows and are never written.
TABLES = sorted(set(metadata.tables) - {gate.name for gate in (*cost_gates, suppression_gate)})
PARTS = ("functions", "statements", "lock_waits", "database", "queues", "tables", "indexes")
# Parts that the coordinator of a cluster knows only of its own, empty tables.
PARTS_ON_NODE = ("tables", "indexes")
QUEUE_TABLES = ("gmaps_businesses", "gmaps_campaign_coverage", "gmaps_campaigns", "gmaps_lookups")
LEDGER_TABLES = ("gmaps_campaigns", "gmaps_api_costs")

NOT_COUNTED = (
    "serialization failures and retries are not counted by the server: the store's metric "
    "campaigndb.client.retries counts them by function and SQLSTATE (docs/monitoring.md)"
)
TRACK_FUNCTIONS_OFF = (
    "calls are not counted: track_functions is none here. To turn it on, as a superuser: "
    "alter system set track_functions = 'pl'; select pg_reload_conf()"
)
TRACK_COUNTS_OFF = (
    "rows are not counted: track_counts is off here. To turn it on, as a superuser: "
    "alter system set track_counts = on; select pg_reload_conf()"
)
THIS_NODE_ONLY = (
    "calls, lock waits and activity are this node's own: each node of a Citus cluster counts for "
    "itself (ask the others under their addresses)"
)
# In the project's schema the extension would be drift.
_CREATE_STATEMENTS = (
    "create schema monitoring; create extension pg_stat_statements schema monitoring"
)
STATEMENTS_NOT_LOADED = (
    "no p95: pg_stat_statements is not loaded. Add it to shared_preload_libraries, restart the "
    f"server, and in this database {_CREATE_STATEMENTS}"
)
STATEMENTS_NOT_CREATED = (
    "no p95: pg_stat_statements is loaded, but this database lacks the extension: "
    f"{_CREATE_STATEMENTS}"
)

Rows = Sequence[Mapping[str, Any]]


class StatisticsUnknownError(Exception):
    """No statistics can be read; one line that says why."""


def read_statistics(
    engine: Engine, schema: str | None = None, *, with_reconciliation: bool = True
) -> Statistics:
    """Reads the statistics that the role may read, at one moment.

    Args:
        engine: on the database; best as a member of pg_read_all_stats that may read the tables.
        schema: the schema of the tables and functions; default: the setting `CAMPAIGNDB_SCHEMA`.
        with_reconciliation: also compare the totals with the ledger, all of which is read.

    Raises:
        StatisticsUnknownError: the schema has no table of this project.
        SQLAlchemyError: the database cannot be reached.
    """
    schema = get_settings().schema_name if schema is None else check_schema_name(schema)
    with _reading(engine, schema, LOCK_TIMEOUT_SECONDS) as (connection, server):
        if not server["tables"]:
            raise StatisticsUnknownError(
                f"the schema {schema} has no table of the project: "
                "run campaigndb db migrate (or alembic upgrade head)"
            )
        refused = _refused(server, schema)
        refused_or_placed = {**refused, **_read_on_node(connection, server, schema)}
        queries = {
            part: _filled(part, server, schema) for part in PARTS if part not in refused_or_placed
        }
        patience = LOCK_TIMEOUT_SECONDS
        try:
            read: Mapping[str, Rows | Unavailable] = _read_together(connection, queries, schema)
            apart = False
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            apart = True
            failure = from_exception(error)
            if failure is not None and failure.error_code == LOCK_NOT_AVAILABLE:
                patience = LOOK_TIMEOUT_SECONDS
        reconciliation: Reconciliation | Unavailable
        if not with_reconciliation:
            reconciliation = Unavailable("it was not asked for")
        elif "reconciliation" in refused:
            reconciliation = refused["reconciliation"]
        elif not apart:
            reconciliation = _reconcile(connection)
    if apart:
        read = {
            part: _read_apart(engine, schema, part, query, patience)
            for part, query in queries.items()
        }
        if with_reconciliation and "reconciliation" not in refused:
            with _reading(engine, schema, patience) as (connection, _):
                reconciliation = _reconcile(connection)
    return _statistics(server, schema, {**read, **refused_or_placed}, reconciliation)


@dataclass(frozen=True, slots=True)
class CountedCalls:
    """The functions' calls only, with notes on what the server does not count."""

    taken_at: datetime.datetime
    database: str
    functions: Sequence[FunctionStatistics]
    notes: Sequence[str]


def read_functions_on(connection: Connection, schema: str) -> CountedCalls:
    """The functions' calls, read in the caller's transaction, which gets this module's limits.

    Counters do not belong to the snapshot; they are the server's current ones.
    """
    server = _read_server(connection, schema, LOCK_TIMEOUT_SECONDS)
    refused = _refused(server, schema)
    read: dict[str, Rows | Unavailable] = dict(refused)
    for part in ("functions", "statements"):
        if part in refused:
            continue
        try:
            with connection.begin_nested():
                query = _filled(part, server, schema)
                read |= _read_together(connection, {part: query}, schema)
        except DBAPIError as error:
            read[part] = _unavailable(error)
    return CountedCalls(
        server["taken_at"],
        server["database"],
        _functions(read["functions"], read["statements"]),
        tuple(_notes_on_calls(server, read)),
    )


def read_queues_on(connection: Connection, schema: str) -> Sequence[QueueLength]:
    """All queues, read in the caller's transaction, whose role may read the tables."""
    query = _filled("queues", {"statements_view": None}, schema)
    rows = _read_together(connection, {"queues": query}, schema)["queues"]
    return tuple(_queue(row) for row in rows)


@contextmanager
def _reading(
    engine: Engine, schema: str, patience: float
) -> Iterator[tuple[Connection, Mapping[str, Any]]]:
    with engine.connect() as connection:
        connection.execution_options(
            isolation_level="REPEATABLE READ",
            postgresql_readonly=True,
            schema_translate_map={None: schema},
        )
        with connection.begin():
            yield connection, _read_server(connection, schema, patience)


def _read_server(connection: Connection, schema: str, patience: float) -> Mapping[str, Any]:
    server = connection.exec_driver_sql(
        (FOLDER / "server.sql").read_text(encoding="utf-8"),
        {
            "lock_timeout": f"{round(patience * 1000)}ms",
            "statement_timeout": f"{STATEMENT_TIMEOUT_SECONDS}s",
            "schema": schema,
            "tables": TABLES,
        },
    )
    return dict(server.mappings().one())


def _refused(server: Mapping[str, Any], schema: str) -> dict[str, Unavailable]:
    """The parts that the role may not read, or that the server lacks."""
    refused = {}
    if not server["statements_loaded"]:
        refused["statements"] = Unavailable(STATEMENTS_NOT_LOADED)
    elif server["statements_view"] is None:
        refused["statements"] = Unavailable(STATEMENTS_NOT_CREATED)
    elif not server["statements_readable"]:
        refused["statements"] = Unavailable(
            f"no p95: {server['role']} may not read {server['statements_view']}: grant select on "
            "it, and usage on its schema"
        )
    role = quote_identifier(server["role"])
    for part, tables in (("queues", QUEUE_TABLES), ("reconciliation", LEDGER_TABLES)):
        names = ", ".join(f"{quote_identifier(schema)}.{table}" for table in tables)
        states = {server["tables"].get(table, "missing") for table in tables}
        if not server["schema_usable"]:
            reason = f"grant usage on schema {quote_identifier(schema)} to {role}"
            refused[part] = Unavailable(f"the role may not use the schema: {reason}")
        elif "missing" in states:
            refused[part] = Unavailable(f"not all of {names} are there: run campaigndb db migrate")
        elif "denied" in states:
            refused[part] = Unavailable(
                f"the role may not read the tables: grant select on {names} to {role}"
            )
        elif "hidden" in states:
            refused[part] = Unavailable(
                "row security hides rows from the role: connect as the tables' owner, or "
                f"alter role {role} bypassrls"
            )
    return refused


def _read_together(
    connection: Connection, queries: Mapping[str, str], schema: str
) -> dict[str, Rows]:
    columns = ", ".join(f"({_as_json(query)}) as {part}" for part, query in queries.items())
    row = connection.exec_driver_sql(f"select {columns}", _parameters(schema)).mappings().one()
    return {part: load_json(row[part]) for part in queries}


def _read_on_node(
    connection: Connection, server: Mapping[str, Any], schema: str
) -> dict[str, Rows | Unavailable]:
    """The tables and indexes on the node that has them; empty if they are on this server."""
    if not server["is_cluster"]:
        return {}
    try:
        with connection.begin_nested():
            shards = citus.shards_of(connection, schema, TABLES)
            if shards is None:
                return {}
            columns = ", ".join(
                f"'{part}', ({_as_json(_filled(part, server, schema))})::json"
                for part in PARTS_ON_NODE
            )
            # The node's session has none of this one's limits. CASE sets it before it reads.
            query = (
                "select case when set_config('lock_timeout', %(lock_timeout)s, true) is not null"
                f" then (select json_build_object({columns})) end"
            )
            parameters = {
                **_parameters(schema),
                "tables": shards.tables,
                "lock_timeout": f"{round(LOCK_TIMEOUT_SECONDS * 1000)}ms",
            }
            driver: Any = connection.connection.driver_connection
            command = psycopg.ClientCursor(driver).mogrify(query, parameters)
            read = load_json(citus.read_on_node(connection, shards, command))
    except DBAPIError as error:
        unread = _unavailable(error)
    except citus.NodeError as error:
        unread = Unavailable(f"the node that has the tables does not tell: {error}")
    else:
        return {
            part: [_named_as_here(row, shards.names) for row in read[part]]
            for part in PARTS_ON_NODE
        }
    return dict.fromkeys(PARTS_ON_NODE, unread)


def _named_as_here(row: Mapping[str, Any], names: Mapping[str, str]) -> Mapping[str, Any]:
    return {
        key: names.get(value, value) if key in ("table", "index") else value
        for key, value in row.items()
    }


def _read_apart(
    engine: Engine, schema: str, part: str, query: str, patience: float
) -> Rows | Unavailable:
    try:
        with _reading(engine, schema, patience) as (connection, _):
            return _read_together(connection, {part: query}, schema)[part]
    except DBAPIError as error:
        return _unavailable(error)


def _reconcile(connection: Connection) -> Reconciliation | Unavailable:
    try:
        return reconcile_on(connection)
    except DBAPIError as error:
        return _unavailable(error)


def _unavailable(error: DBAPIError) -> Unavailable:
    failure = from_exception(error)
    if error.connection_invalidated or failure is None:
        raise error
    if failure.error_code == LOCK_NOT_AVAILABLE:
        return Unavailable("a table is locked, probably by a migration at work")
    if failure.error_code == QUERY_CANCELED:
        return Unavailable(f"it took more than {STATEMENT_TIMEOUT_SECONDS} s to read")
    if failure.error_code == INSUFFICIENT_PRIVILEGE:
        return Unavailable(f"the role may not read it: {failure.detail}")
    return Unavailable(str(failure))


def _as_json(query: str) -> str:
    # As text: a driver that decodes JSON would turn numbers into floats.
    return f"select coalesce(json_agg(row_to_json(part)), '[]')::text from ({query}) as part"  # noqa: S608


@cache
def _query(part: str) -> str:
    text = (FOLDER / "parts" / f"{part}.sql").read_text(encoding="utf-8")
    # Braces are for `str.format`, except in patterns: {1,20}.
    return re.sub(r"\{(\d[\d,]*)\}", r"{{\1}}", text)


def _filled(part: str, server: Mapping[str, Any], schema: str) -> str:
    return _query(part).format(
        schema=quote_identifier(schema),
        work_queues=_work_queues(schema) if part == "queues" else "",
        statements_view=(server["statements_view"] or "").replace("%", "%%"),
    )


def _work_queues(schema: str) -> str:
    """The function's query for all campaigns, with qualified tables."""
    text = (FUNCTIONS / "work_queues.sql").read_text(encoding="utf-8")
    query = text.partition("return query")[2].rpartition(";\nend;")[0]
    query = query.replace("p_campaign_id", "counted.campaign_id")
    return re.sub(r"\b(?=gmaps_)", f"{quote_identifier(schema)}.", query)


def _parameters(schema: str) -> dict[str, Any]:
    functions = list(BUDGETS)
    qualified = rf'(?:"?{re.escape(schema)}"?\s*\.\s*)?'
    return {
        "schema": schema,
        "functions": functions,
        "tables": TABLES,
        # A call, unqualified or qualified with this schema.
        "call": rf'(?:^|[^\w."]){qualified}"?({"|".join(functions)})"?\s*\(',
    }


def _statistics(
    server: Mapping[str, Any],
    schema: str,
    read: Mapping[str, Rows | Unavailable],
    reconciliation: Reconciliation | Unavailable,
) -> Statistics:
    def each(part: str, make: Any) -> Any:
        rows = read[part]
        return rows if isinstance(rows, Unavailable) else tuple(make(row) for row in rows)

    activity = each("database", _activity)
    notes = [NOT_COUNTED, *_notes_on_calls(server, read)]
    if not server["track_counts"]:
        notes.append(TRACK_COUNTS_OFF)
    if not server["reads_all_statistics"]:
        notes.append(
            "statements of other roles are hidden: "
            f"grant pg_read_all_stats to {quote_identifier(server['role'])}"
        )
    return Statistics(
        taken_at=server["taken_at"],
        database=server["database"],
        schema=schema,
        role=server["role"],
        functions=_functions(read["functions"], read["statements"]),
        lock_waits=each("lock_waits", _lock_wait),
        activity=activity if isinstance(activity, Unavailable) else activity[0],
        queues=each("queues", _queue),
        reconciliation=reconciliation,
        tables=each(
            "tables",
            lambda row: TableStatistics(**{**row, "last_vacuum": _time(row["last_vacuum"])}),
        ),
        indexes=each("indexes", lambda row: IndexStatistics(**row)),
        tracks_functions=server["track_functions"] != "none",
        tracks_statements=not isinstance(read["statements"], Unavailable),
        notes=tuple(notes),
    )


def _notes_on_calls(
    server: Mapping[str, Any], read: Mapping[str, Rows | Unavailable]
) -> Iterator[str]:
    functions, statements = read["functions"], read["statements"]
    if isinstance(functions, Unavailable):
        yield f"calls cannot be read: {functions.reason}"
    elif server["track_functions"] == "none":
        yield TRACK_FUNCTIONS_OFF
    if isinstance(statements, Unavailable):
        yield statements.reason
    if server["is_cluster"]:
        yield THIS_NODE_ONLY


def _functions(
    counted: Rows | Unavailable, statements: Rows | Unavailable
) -> tuple[FunctionStatistics, ...]:
    def by_name(rows: Rows | Unavailable) -> Mapping[str, Mapping[str, Any]]:
        return {} if isinstance(rows, Unavailable) else {row["function"]: row for row in rows}

    by_functions, by_statements = by_name(counted), by_name(statements)
    found = []
    for name, budget in BUDGETS.items():
        calls, statement = by_functions.get(name), by_statements.get(name)
        if calls and not calls["calls"]:
            calls = None  # the counters were reset
        source = calls or statement
        found.append(
            FunctionStatistics(
                function=name,
                budget=budget,
                calls=int(source["calls"]) if source else None,
                total_seconds=float(source["total_seconds"]) if source else None,
                source=None
                if source is None
                else "pg_stat_user_functions"
                if calls
                else "pg_stat_statements",
                p95_at_most=_p95_at_most(statement) if statement else None,
                longest=float(statement["longest_seconds"]) if statement else None,
            )
        )
    return tuple(found)


def _p95_at_most(statement: Mapping[str, Any]) -> float:
    """Cantelli's inequality: in any distribution, at most 5 % lie sqrt(19) deviations or more
    above the mean. The longest call is a limit too."""
    mean = float(statement["total_seconds"]) / int(statement["calls"])
    bound = mean + math.sqrt(19) * float(statement["deviation_seconds"])
    return min(bound, float(statement["longest_seconds"]))


def _lock_wait(row: Mapping[str, Any]) -> LockWait:
    return LockWait(
        blocked_pid=row["blocked_pid"],
        blocked_statement=row["blocked_function"] or row["blocked_command"],
        blocking_pid=row["blocking_pid"],
        blocking_statement=row["blocking_function"] or row["blocking_command"],
        blocking_state=row["blocking_state"],
        lock_type=row["lock_type"],
        relation=row["relation"],
        seconds=None if row["seconds"] is None else max(0.0, float(row["seconds"])),
    )


def _queue(row: Mapping[str, Any]) -> QueueLength:
    campaign_id, reserved = uuid.UUID(row["campaign_id"]), Decimal(row["reserved"])
    return QueueLength(**{**row, "campaign_id": campaign_id, "reserved": reserved})


def _activity(row: Mapping[str, Any]) -> DatabaseStatistics:
    return DatabaseStatistics(**{**row, "since": _time(row["since"])})


def _time(text: str | None) -> datetime.datetime | None:
    return None if text is None else datetime.datetime.fromisoformat(text)
