"""The network between the benchmarks' clients and their database."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy.engine import URL

from app.bench.database import Address
from app.bench.network import LOOPBACK, network

# `select` takes no descriptor beyond these.
_MOST_DESCRIPTORS = 1024


@pytest.fixture
def echo() -> Iterator[Address]:
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
        port = listener.getsockname()[1]
        yield Address(URL.create("postgresql+psycopg", host=LOOPBACK, port=port), "app", "public")
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def _connected(address: Address) -> socket.socket:
    assert address.url.port is not None
    return socket.create_connection((LOOPBACK, address.url.port), timeout=10)


def _received(connection: socket.socket) -> bytes:
    pieces = []
    while piece := connection.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


@pytest.mark.parametrize("seconds", [0, 0.002])
def test_what_is_sent_arrives_in_order_and_whole(echo: Address, seconds: float) -> None:
    sent = bytes(range(256)) * 1_000
    with network(echo, seconds) as there, closing(_connected(there)) as connection:
        sender = threading.Thread(
            target=lambda: (connection.sendall(sent), connection.shutdown(socket.SHUT_WR))
        )
        sender.start()
        assert _received(connection) == sent
        sender.join(10)


def test_connections_that_ended_are_closed(echo: Address) -> None:
    with network(echo, 0) as there:
        for _ in range(_MOST_DESCRIPTORS):
            with closing(_connected(there)) as connection:
                connection.sendall(b"x")
                connection.shutdown(socket.SHUT_WR)
                assert _received(connection) == b"x"


def test_a_server_that_is_gone_ends_the_connection_and_not_the_network(echo: Address) -> None:
    with socket.create_server((LOOPBACK, 0)) as gone:
        port = gone.getsockname()[1]
    nowhere = Address(echo.url.set(port=port), "app", "public")
    with network(nowhere, 0) as there:
        for _ in range(2):
            with closing(_connected(there)) as connection:
                assert select.select([connection], [], [], 10)[0]
                assert _received(connection) == b""
