"""A network with a round trip time of its own, on the way to the database.

A process that passes data on in both directions, each piece after half of the round trip time.
It suits clients that wait for every answer, as those of a database do.
"""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import multiprocessing.connection
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from app.bench.database import Address
from app.cli.failures import CommandFailure

LOOPBACK = "127.0.0.1"
_PIECE = 65536
_END_SECONDS = 10


@contextmanager
def network(address: Address, round_trip_seconds: float) -> Iterator[Address]:
    """The same database, so much further away; 0 costs the passing on alone."""
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe()
    server = (address.url.host or LOOPBACK, address.url.port or 5432)
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
        yield dataclasses.replace(address, url=address.url.set(host=LOOPBACK, port=port))
    finally:
        ours.close()
        process.join(_END_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()


def _pass_on(
    owner: multiprocessing.connection.Connection[int, None], server: tuple[str, int], delay: float
) -> None:
    """Until the owner closes its end."""
    # Ctrl-C reaches the whole group: the parent decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    listener = socket.create_server((LOOPBACK, 0), backlog=256)
    threading.Thread(target=_accept, args=(listener, server, delay), daemon=True).start()
    owner.send(listener.getsockname()[1])
    with contextlib.suppress(EOFError, OSError):
        owner.recv()


def _accept(listener: socket.socket, server: tuple[str, int], delay: float) -> None:
    while True:
        client, _ = listener.accept()
        try:
            upstream = socket.create_connection(server)
        except OSError:
            client.close()
            continue
        for one, other in ((client, upstream), (upstream, client)):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_forward, args=(one, other, delay), daemon=True).start()


def _forward(source: socket.socket, target: socket.socket, delay: float) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_PIECE):
            if delay:
                time.sleep(delay)
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
