"""A network with a round trip time of its own, on the way to the database.

A process that passes data on in both directions, each piece after half of the round trip time.
A busy machine wakes it up late; that is measured and taken off, so that a piece is on its way as
long as was asked for on average: a network does not slow down with the machines at its ends. How
late it notices a piece is not known, so a machine that is far too busy is further away. It suits
clients that wait for every answer, as those of a database do, and connections without TLS.
"""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import multiprocessing.connection
import select
import signal
import socket
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from benchmarks.database import Address
from campaigndb.cli.failures import CommandFailure

LOOPBACK = "127.0.0.1"
# How far "1 ms away" is.
ROUND_TRIP_SECONDS = 0.001
_PIECE = 65536
_END_SECONDS = 10
# How fast the lateness that is taken off follows what is measured.
_SHARE_OF_NEWEST = 0.02


class Server(NamedTuple):
    """Where a server listens: on a port of a host, or in a folder of sockets."""

    host: str
    port: int

    def connect(self) -> socket.socket:
        if not self.host.startswith("/"):
            connection = socket.create_connection(self)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(f"{self.host}/.s.PGSQL.{self.port}")
        return connection


@contextmanager
def network(address: Address, round_trip_seconds: float) -> Iterator[Address]:
    """The same database, so much further away; 0 costs the passing on alone."""
    # An address may name its host in many ways; the driver has found it.
    with address.owner_connection() as connection:
        server = Server(connection.info.host, connection.info.port)
    with way_to(server, round_trip_seconds) as port:
        # What a query says of the host would go before.
        url = address.url.difference_update_query(["host", "hostaddr", "port"])
        yield dataclasses.replace(address, url=url.set(host=LOOPBACK, port=port))


@contextmanager
def way_to(server: Server, round_trip_seconds: float) -> Iterator[int]:
    """A port on loopback that leads to the server."""
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=_pass_on, args=(theirs, server, round_trip_seconds / 2), daemon=True
    )
    process.start()
    theirs.close()
    try:
        try:
            port = ours.recv()
        except EOFError:
            raise CommandFailure("the slow network's process ended at its start") from None
        yield port
    finally:
        ours.close()
        process.join(_END_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()


def _pass_on(
    owner: multiprocessing.connection.Connection[int, None], server: Server, delay: float
) -> None:
    """Until the owner closes its end."""
    # Ctrl-C reaches the whole group: the parent decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.create_server((LOOPBACK, 0), backlog=256) as listener:
        owner.send(listener.getsockname()[1])
        _Network(listener, server, delay).run(owner.fileno())


class _Network:
    """All connections, in one thread: `select` keeps time better than threads that sleep."""

    def __init__(self, listener: socket.socket, server: Server, delay: float) -> None:
        self._listener = listener
        self._server = server
        self._delay = delay
        # What may be read: each end of each connection, with the end that it is passed on to.
        self._ends: dict[int, tuple[socket.socket, socket.socket]] = {}
        # When it came, from which end to which, and what it is; empty: nothing more will come.
        self._on_their_way: deque[tuple[float, socket.socket, socket.socket, bytes]] = deque()
        # Ends from which all has arrived while the other direction is still open.
        self._finished: set[socket.socket] = set()
        self._lateness = 0.0

    def run(self, owner: int) -> None:
        """Until the owner closes its end."""
        listener = self._listener.fileno()
        while True:
            readable, _, _ = select.select([owner, listener, *self._ends], (), (), self._pause())
            now = time.monotonic()
            for descriptor in readable:
                if descriptor == owner:
                    return
                if descriptor == listener:
                    self._accept()
                else:
                    self._receive(descriptor, now)
            while self._on_their_way and self._is_due(now):
                self._deliver(now)

    def _pause(self) -> float | None:
        """Seconds until the next piece arrives."""
        if not self._on_their_way:
            return None
        came = self._on_their_way[0][0]
        return max(0.0, came + self._delay - self._lateness - time.monotonic())

    def _is_due(self, now: float) -> bool:
        came = self._on_their_way[0][0]
        return came + self._delay - self._lateness <= now

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        try:
            upstream = self._server.connect()
        except OSError:
            client.close()
            return
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for one, other in ((client, upstream), (upstream, client)):
            self._ends[one.fileno()] = one, other

    def _receive(self, descriptor: int, now: float) -> None:
        source, target = self._ends[descriptor]
        try:
            data = source.recv(_PIECE)
        except OSError:
            data = b""
        if not data:
            del self._ends[descriptor]
        self._on_their_way.append((now, source, target, data))

    def _deliver(self, now: float) -> None:
        came, source, target, data = self._on_their_way.popleft()
        with contextlib.suppress(OSError):
            if data:
                target.sendall(data)
            else:
                target.shutdown(socket.SHUT_WR)
        if not data:
            self._finish(source, target)
        late = now - came - self._delay
        self._lateness = min(self._delay, max(0.0, self._lateness + late * _SHARE_OF_NEWEST))

    def _finish(self, source: socket.socket, target: socket.socket) -> None:
        if target not in self._finished:
            self._finished.add(source)
            return
        self._finished.remove(target)
        source.close()
        target.close()
