"""A TCP relay on loopback that loses the answer to what commits: the outcome is unknown."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from sqlalchemy.engine import URL

# The server's message that a COMMIT was done: CommandComplete with its tag.
COMMITTED = b"COMMIT\x00"
# A call of one statement is committed with it: its envelope, and the server is idle again.
SUCCEEDED, IDLE = b'"success": true', b"Z\x00\x00\x00\x05I"


@dataclass
class AnswerLosingProxy:
    """Loses the next `to_lose` answers to what commits, and the connection with each of them."""

    url: URL
    to_lose: int = 0
    lost: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def loses(self, answer: bytes) -> bool:
        with self._lock:
            is_statement = SUCCEEDED in answer and answer.endswith(IDLE)
            if self.to_lose == 0 or not (COMMITTED in answer or is_statement):
                return False
            self.to_lose -= 1
            self.lost += 1
            return True


@contextmanager
def answer_losing_proxy(server: URL) -> Iterator[AnswerLosingProxy]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = AnswerLosingProxy(
            server.set(host="127.0.0.1", port=listener.getsockname()[1]).update_query_dict(
                {"sslmode": "disable", "gssencmode": "disable"}
            )
        )
        threading.Thread(target=_accept, args=(listener, server, proxy), daemon=True).start()
        yield proxy
        # Wakes the thread that waits for another connection.
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, server: URL, proxy: AnswerLosingProxy) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        upstream = socket.create_connection((server.host, server.port))
        threading.Thread(target=_relay, args=(client, upstream), daemon=True).start()
        threading.Thread(target=_relay, args=(upstream, client, proxy), daemon=True).start()


def _relay(
    source: socket.socket, target: socket.socket, proxy: AnswerLosingProxy | None = None
) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            if proxy is not None and proxy.loses(data):
                break
            target.sendall(data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
