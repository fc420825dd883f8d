"""A stand-in for PostgREST: it runs the statements that 16.2 makes of a call of a function.

Read from PostgREST's source, whose files are named below (under src/library/PostgREST, and
src/hasql for BEGIN). What differs: a function is looked up at every request and not in a cache, and
there are no tokens, embeds, filters or content types but JSON.
"""

from __future__ import annotations

import json
import queue
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import psycopg
from psycopg.types.string import TextLoader
from sqlalchemy.engine import URL

POOL_SIZE = 10
# `db-hoisted-tx-settings` (Config.hs): set within the transaction, which has begun by then.
HOISTED = ("statement_timeout", "plan_filter.statement_cost_limit", "default_transaction_isolation")
# What SchemaCache.hs reads of a function.
FUNCTION = """
    select
      coalesce(p.proargnames[1:p.pronargs], '{}'),
      array(select format_type(type, null) from unnest(p.proargtypes) as type),
      p.pronargs - p.pronargdefaults,
      p.provolatile,
      p.proretset,
      coalesce(p.proconfig, '{}')
    from pg_proc as p
    where p.pronamespace = 'public'::regnamespace and p.proname = %s
"""
# Config/Database.hs: the settings of a role that anybody may set.
ROLE_SETTINGS = """
    select split_part(pair, '=', 1), substr(pair, strpos(pair, '=') + 1)
    from pg_roles as r
    cross join unnest(r.rolconfig) as pair
    join pg_settings as s on s.name = split_part(pair, '=', 1) and s.context = 'user'
    where r.rolname = %s
"""
# Error.hs, mapSQLtoHTTP: the first that the code begins with.
STATUSES = {
    "08": 503, "23503": 409, "23505": 409, "25006": 405, "25": 500, "28": 403, "2D": 500,
    "38": 500, "39": 500, "3B": 500, "40": 500, "53400": 500, "53": 503, "54": 500, "55": 500,
    "57P01": 503, "57": 500, "58": 500, "F0": 500, "HV": 500, "P0001": 400, "P0": 500, "XX": 500,
    "42883": 404, "42P01": 404, "42P17": 500, "42501": 403,
}  # fmt: skip


class RefusedError(Exception):
    """An answer that is no result."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code = status, code
        super().__init__(message)


@dataclass(frozen=True)
class Function:
    name: str
    types: Mapping[str, str]
    required: int
    volatility: str
    returns_set: bool
    settings: Mapping[str, str]

    def may_take(self, names: set[str]) -> bool:
        return names <= self.types.keys() and set([*self.types][: self.required]) <= names

    def call(self, given: Mapping[str, str] | None, names: set[str]) -> str:
        """The call, of the body as one parameter or of `given` (GET): Query/QueryBuilder.hs."""
        types = [(name, kind) for name, kind in self.types.items() if name in names]
        if given is None:
            head = "(select %(body)s::json as json_data) pgrst_payload, "
            fields = ", ".join(f'"{name}" {kind}' for name, kind in types)
            columns = ", ".join(f'"{name}"' for name, _ in types)
            record = f"json_to_record(pgrst_payload.json_data) as _({fields})" if types else (
                "(values(1)) _"
            )  # fmt: skip
            head += f"lateral (select {columns} from {record}) pgrst_body, lateral "
            values = ", ".join(f'"{name}" := pgrst_body."{name}"' for name, _ in types)
        else:
            head = ""
            values = ", ".join(f'"{name}" := %({name})s::{kind}' for name, kind in types)
        called = f'"public"."{self.name}"({values})'
        if self.returns_set:
            return f"select pgrst_call.* from {head}{called} pgrst_call"
        return (
            f"select pgrst_call.pgrst_scalar from {head}(select {called} pgrst_scalar) pgrst_call"
        )

    def statement(self, given: Mapping[str, str] | None, names: set[str]) -> str:
        """Query/Statements.hs, mainCall."""
        count = "pg_catalog.count(_postgrest_t)" if self.returns_set else "1"
        body = (
            "coalesce(json_agg(_postgrest_t), '[]')"
            if self.returns_set
            else "coalesce(json_agg(_postgrest_t.pgrst_scalar)->0, 'null')"
        )
        return (
            f"with pgrst_source as ({self.call(given, names)}) "
            f"select null::bigint as total_result_set, {count} as page_total, {body} as body, "
            "nullif(current_setting('response.headers', true), '') as response_headers, "
            "nullif(current_setting('response.status', true), '') as response_status, "
            "'' as response_inserted "
            f'from (select "{self.name}".* from "pgrst_source" as "{self.name}" '
            "limit %(max_rows)s offset 0) _postgrest_t"
        )


class PostgrestServer:
    """One database's API, at `/rest/v1/rpc/<function>`; keys stand for roles."""

    def __init__(self, login: URL, roles: Mapping[str, str], max_rows: int) -> None:
        address = login.set(drivername="postgresql").render_as_string(hide_password=False)
        self._address, self._roles, self._max_rows = address, roles, max_rows
        self._idle: queue.LifoQueue[psycopg.Connection[Any] | None] = queue.LifoQueue()
        for _ in range(POOL_SIZE):
            self._idle.put(None)

    def answer(
        self, method: str, path: str, headers: Mapping[str, str], body: str
    ) -> tuple[int, str]:
        """The status and the JSON of one request."""
        try:
            role = self._roles.get(headers.get("apikey", ""))
            if role is None:
                raise RefusedError(401, "PGRST301", "no such key")
            found = re.fullmatch(r"/rest/v1/rpc/(\w+)", urlsplit(path).path)
            if found is None or method not in ("GET", "POST"):
                raise RefusedError(404, "PGRST125", "Invalid path specified in request URL")
            given = dict(parse_qsl(urlsplit(path).query)) if method == "GET" else None
            with self._connection() as connection:
                return 200, self._run(
                    connection, role, found[1], method, path, headers, body, given
                )
        except RefusedError as error:
            problem: dict[str, Any] = {"code": error.code, "message": str(error)}
            return error.status, json.dumps(problem | {"details": None, "hint": None})
        except psycopg.Error as error:
            if error.sqlstate is None:
                lost = {"code": "PGRST001", "message": "Database client error.", "details": None}
                return 503, json.dumps(lost | {"hint": None})
            code = error.sqlstate
            prefix = next((start for start in STATUSES if code.startswith(start)), None)
            problem = {"code": code, "message": error.diag.message_primary}
            problem |= {"details": error.diag.message_detail, "hint": error.diag.message_hint}
            return STATUSES[prefix] if prefix else 400, json.dumps(problem)

    def _run(
        self,
        connection: psycopg.Connection[Any],
        role: str,
        name: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: str,
        given: Mapping[str, str] | None,
    ) -> str:
        names = set(given if given is not None else json.loads(body))
        function = self._function(connection, name)
        if function is None or not function.may_take(names):
            listed = ", ".join(sorted(names))
            text = f"Could not find the function public.{name}({listed}) in the schema cache"
            raise RefusedError(404, "PGRST202", text)
        role_settings = dict(connection.execute(ROLE_SETTINGS, [role]).fetchall())
        # MainTx.hs, planIsoLvl: the function's level, else its role's, whatever is hoisted.
        of_role = role_settings.pop("default_transaction_isolation", "read committed")
        level = function.settings.get("default_transaction_isolation", of_role)
        # Plan.hs, callReadPlan.
        mode = "read write" if method == "POST" and function.volatility == "v" else "read only"
        # Query/PreQuery.hs, in this order.
        settings = {
            "search_path": '"public", "extensions"',
            **role_settings,
            "role": role,
            "request.jwt.claims": json.dumps({"role": role}),
            "request.method": method,
            "request.path": path,
            "request.headers": json.dumps({key.lower(): value for key, value in headers.items()}),
            "request.cookies": "{}",
            **{key: value for key, value in function.settings.items() if key in HOISTED},
        }
        calls = ", ".join(["set_config(%s, %s, true)"] * len(settings))
        values = {"body": body, "max_rows": self._max_rows, **(given or {})}
        connection.execute(f"begin isolation level {level} {mode}".encode())
        try:
            pairs = [part for pair in settings.items() for part in pair]
            connection.execute(f"select {calls}".encode(), pairs)
            row = connection.execute(function.statement(given, names).encode(), values).fetchone()
        except psycopg.Error:
            if not connection.closed:
                connection.execute("abort")
            raise
        connection.execute("commit")
        assert row is not None
        return str(row[2])

    def _function(self, connection: psycopg.Connection[Any], name: str) -> Function | None:
        row = connection.execute(FUNCTION, [name]).fetchone()
        if row is None:
            return None
        names, types, required, volatility, returns_set, settings = row
        pairs = (setting.split("=", 1) for setting in settings)
        return Function(
            name, dict(zip(names, types, strict=True)), required, volatility, returns_set,
            dict(pairs),
        )  # fmt: skip

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[Any]]:
        try:
            connection = self._idle.get(timeout=10)
        except queue.Empty:
            text = "Timed out acquiring connection from connection pool."
            raise RefusedError(504, "PGRST003", text) from None
        try:
            if connection is None or connection.closed:
                connection = psycopg.connect(self._address, autocommit=True)
                connection.adapters.register_loader("json", TextLoader)
            yield connection
        finally:
            self._idle.put(connection)

    def close(self) -> None:
        for _ in range(POOL_SIZE):
            connection = self._idle.get(timeout=30)
            if connection is not None:
                connection.close()


@contextmanager
def running_postgrest(
    login: URL, roles: Mapping[str, str], *, max_rows: int = 1000
) -> Iterator[str]:
    """The server's address; `login` is the role that PostgREST connects as."""
    server = PostgrestServer(login, roles, max_rows)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            given = {name.lower(): value for name, value in self.headers.items()}
            status, text = server.answer(self.command, self.path, given, body)
            content = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer

        def log_message(self, *_: Any) -> None:
            pass

    class Listener(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 100

    with Listener(("127.0.0.1", 0), Handler) as listener:
        thread = threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.server_address[1]}"
        finally:
            listener.shutdown()
            thread.join()
            server.close()
