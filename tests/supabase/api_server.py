"""The HTTP API in front of the test databases: a program of Node's, see clients/javascript/test."""

from __future__ import annotations

import os
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from sqlalchemy.engine import URL

from tests.supabase.node import CLIENT

# Of a server on loopback that ends with the tests.
SERVICE_KEY = "sb_secret_of_the_tests"
ANON_KEY = "sb_publishable_of_the_tests"

BOTH_APIS = pytest.mark.parametrize("api", ["lite", "postgrest"], indirect=True)


@dataclass(frozen=True)
class Api:
    """One database's API. `createClient(url, key)` and `create_client(url, key)` connect to it."""

    url: str
    service_key: str
    anon_key: str
    database_url: URL  # as its owner, to look at the tables


@dataclass(frozen=True)
class ApiServer:
    address: str

    @contextmanager
    def serve(self, database_url: URL) -> Iterator[Api]:
        """The API of one database; its connections are closed at the end."""
        url = f"{self.address}/{database_url.database}"
        try:
            yield Api(url, SERVICE_KEY, ANON_KEY, database_url)
        finally:
            close = urllib.request.Request(url, method="DELETE")
            urllib.request.urlopen(close, timeout=30).close()


@contextmanager
def running_api_server(
    node: str, server_url: URL, *, service_role: str, anon_role: str
) -> Iterator[ApiServer]:
    """Starts the server; the keys stand for the roles."""
    environment = {
        **os.environ,
        "API_SERVER_URL": server_url.set(drivername="postgres").render_as_string(False),
        "API_SERVICE_KEY": SERVICE_KEY,
        "API_SERVICE_ROLE": service_role,
        "API_ANON_KEY": ANON_KEY,
        "API_ANON_ROLE": anon_role,
    }
    process = subprocess.Popen(
        [node, "test/server.js"],
        cwd=CLIENT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        port = process.stdout.readline().strip()
        assert port, f"the API server ended with {process.wait()}"
        yield ApiServer(f"http://127.0.0.1:{port}")
        process.stdin.close()
        process.wait(timeout=30)
