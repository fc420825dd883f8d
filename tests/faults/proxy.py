"""A TCP proxy on loopback that stands for a bad network between a client and PostgreSQL.

It reads just enough of the protocol to count messages and to find the reply to a COMMIT; it
expects connections without TLS and without GSS encryption.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import struct
import threading
from collections import Counter
from types import TracebackType

HOST = "127.0.0.1"
_SSL, _GSS, _CANCEL = 80877103, 80877104, 80877102
# An untyped message (the start of a connection) has this type here.
START = "start"


class MessageReader:
    """Splits one direction of a connection into messages: (type, payload)."""

    def __init__(self, *, from_client: bool) -> None:
        self._buffer = bytearray()
        self._typed = not from_client

    def feed(self, data: bytes) -> list[tuple[str, bytes]]:
        self._buffer += data
        messages = []
        while (message := self._next()) is not None:
            messages.append(message)
        return messages

    def _next(self) -> tuple[str, bytes] | None:
        head = 1 if self._typed else 0
        if len(self._buffer) < head + 4:
            return None
        (length,) = struct.unpack_from("!I", self._buffer, head)
        if len(self._buffer) < head + length:
            return None
        type_ = chr(self._buffer[0]) if self._typed else START
        payload = bytes(self._buffer[head + 4 : head + length])
        del self._buffer[: head + length]
        if type_ == START and struct.unpack_from("!I", payload)[0] not in (_SSL, _GSS):
            self._typed = True
        return type_, payload


class Proxy:
    """A running proxy to `HOST:server_port`. The faults may be changed at any time.

    Attributes:
        port: where clients connect.
        drop_commit_reply: probability that the reply to what commits never arrives: the server has
            committed, the client sees its connection cut.
        cut: probability that a connection is cut at a piece of data, which then arrives in part.
        delay: seconds that each piece of data takes, in each direction.
        counts: `connections`, `dropped_replies`, `cuts`.
        messages: how many of each type clients sent.
        round_trips: how often the server became ready for a query.
    """

    def __init__(
        self,
        server_port: int,
        rng: random.Random | None = None,
        *,
        drop_commit_reply: float = 0.0,
        cut: float = 0.0,
        delay: float = 0.0,
    ) -> None:
        self.drop_commit_reply = drop_commit_reply
        self.cut = cut
        self.delay = delay
        self.counts: Counter[str] = Counter()
        self.messages: Counter[str] = Counter()
        self.round_trips = 0
        self.port = 0
        self._server_port = server_port
        self._rng = rng or random.Random()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._started = threading.Event()
        self._stop = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Proxy:
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def heal(self) -> None:
        """No more faults."""
        self.drop_commit_reply = self.cut = self.delay = 0.0

    def forget_counts(self) -> None:
        self.messages.clear()
        self.round_trips = 0

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._accept, HOST, 0, backlog=512)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stop.wait()
        server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        self.counts["connections"] += 1
        try:
            server_reader, server_writer = await asyncio.open_connection(HOST, self._server_port)
        except OSError:
            writer.transport.abort()
            return
        directions = [
            asyncio.ensure_future(self._forward(reader, server_writer, from_client=True)),
            asyncio.ensure_future(self._forward(server_reader, writer, from_client=False)),
        ]
        try:
            done, _ = await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
            if not any(direction.result() for direction in done):
                # The rest of what the server said before it hung up still arrives.
                await asyncio.wait(directions[1:], timeout=0.2)
        finally:
            for direction in directions:
                direction.cancel()
            for end in (writer, server_writer):
                end.transport.abort() if self._rng.random() < 0.5 else end.close()

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, from_client: bool
    ) -> bool:
        """Passes data on until either side hangs up or a fault strikes; whether it was a fault."""
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        sender = asyncio.ensure_future(self._send(waiting, writer))
        messages = MessageReader(from_client=from_client)
        has_succeeded = False
        try:
            while data := await reader.read(65536):
                seen = messages.feed(data)
                if from_client:
                    self.messages.update(type_ for type_, _ in seen)
                else:
                    self.round_trips += sum(type_ == "Z" for type_, _ in seen)
                    # A call of one statement is committed with it: its envelope has come, and
                    # the server is idle again.
                    has_succeeded |= any(b'"success": true' in text for type_, text in seen)
                    is_idle = ("Z", b"I") in seen
                    commits = ("C", b"COMMIT\x00") in seen or (has_succeeded and is_idle)
                    has_succeeded &= not is_idle
                    if commits and self._strikes(self.drop_commit_reply):
                        self.counts["dropped_replies"] += 1
                        return True
                if self._strikes(self.cut):
                    self.counts["cuts"] += 1
                    writer.write(data[: self._rng.randrange(len(data))])
                    return True
                waiting.put_nowait((self._loop.time() + self.delay, data))
            # What is still on its way arrives before the connection ends.
            waiting.put_nowait((0, b""))
            await sender
        except OSError:
            pass
        finally:
            sender.cancel()
        return False

    async def _send(
        self, waiting: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError):
            while True:
                due, data = await waiting.get()
                if not data:
                    return
                if (pause := due - self._loop.time()) > 0:
                    await asyncio.sleep(pause)
                writer.write(data)
                await writer.drain()

    def _strikes(self, probability: float) -> bool:
        return probability > 0 and self._rng.random() < probability
