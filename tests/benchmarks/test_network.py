"""The network between the benchmarks' clients and their database."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.database import BenchDatabase
from benchmarks.network import LOOPBACK, Server, network, way_to

# `select` takes no descriptor beyond these.
_MOST_DESCRIPTORS = 1024


@pytest.fixture
def echo() -> Iterator[Server]:
    """A server that answers each connection with what it was sent, until that ends."""
    with socket.create_server((LOOPBACK, 0), backlog=64) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    while data := connection.recv(65536):
                        connection.sendall(data)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Server(LOOPBACK, listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def _connected(port: int) -> socket.socket:
    return socket.create_connection((LOOPBACK, port), timeout=10)


def _received(connection: socket.socket) -> bytes:
    pieces = []
    while piece := connection.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


@pytest.mark.parametrize("seconds", [0, 0.002])
def test_what_is_sent_arrives_in_order_and_whole(echo: Server, seconds: float) -> None:
    sent = bytes(range(256)) * 1_000
    with way_to(echo, seconds) as there, closing(_connected(there)) as connection:
        sender = threading.Thread(
            target=lambda: (connection.sendall(sent), connection.shutdown(socket.SHUT_WR))
        )
        sender.start()
        assert _received(connection) == sent
        sender.join(10)


def test_connections_that_ended_are_closed(echo: Server) -> None:
    with way_to(echo, 0) as there:
        for _ in range(_MOST_DESCRIPTORS):
            with closing(_connected(there)) as connection:
                connection.sendall(b"x")
                connection.shutdown(socket.SHUT_WR)
                assert _received(connection) == b"x"


def test_a_server_that_is_gone_ends_the_connection_and_not_the_network() -> None:
    with socket.create_server((LOOPBACK, 0)) as gone:
        nowhere = Server(LOOPBACK, gone.getsockname()[1])
    with way_to(nowhere, 0) as there:
        for _ in range(2):
            with closing(_connected(there)) as connection:
                assert select.select([connection], [], [], 10)[0]
                assert _received(connection) == b""


@pytest.mark.parametrize("by", ["host", "query", "socket"])
def test_the_far_database_is_far_however_its_address_names_the_host(
    database: BenchDatabase, tmp_path: Path, by: str
) -> None:
    url = database.address.url
    host, port = url.host, str(url.port)
    if by == "query":
        url = url.set(host=None, port=None).update_query_dict({"host": host, "port": port})
    if by == "socket":
        ((folders,),) = database.query("show unix_socket_directories", {})
        if not folders:
            folders = str(tmp_path)
            _sockets_that_lead_to(Server(str(host), int(port)), Path(folders))
        url = url.set(host=None, port=None).update_query_dict(
            {"host": folders.split(",")[0].strip(), "port": port}
        )
    with (
        network(replace(database.address, url=url), 0.05) as far,
        far.owner_connection(autocommit=True) as connection,
    ):
        start = time.monotonic()
        assert connection.execute("select current_database()").fetchone() == (url.database,)
        assert time.monotonic() - start >= 0.045


def _sockets_that_lead_to(server: Server, folder: Path) -> None:
    """A server without a folder of sockets gets one."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / f".s.PGSQL.{server.port}"))
    listener.listen()

    def copy(source: socket.socket, target: socket.socket) -> None:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)

    def serve() -> None:
        while True:
            client, _ = listener.accept()
            upstream = server.connect()
            for ends in ((client, upstream), (upstream, client)):
                threading.Thread(target=copy, args=ends, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
