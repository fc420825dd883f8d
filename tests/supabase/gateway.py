"""Gateways before the API: one where the API itself does not answer, one that swallows answers."""

from __future__ import annotations

import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from supabase import Client, ClientOptions, create_client

from tests.supabase.api_server import Api


class Gateway:
    """Answers every request with `answer`, an HTTP status and a body; on loopback."""

    answer: tuple[int, str] = 503, ""

    def __enter__(self) -> Self:
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = self.rfile.read(int(self.headers["Content-Length"]))
                status, body = gateway.respond(self, request)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def respond(self, handler: BaseHTTPRequestHandler, request: bytes) -> tuple[int, str]:
        return self.answer

    def client(self, options: ClientOptions | None = None) -> Client:
        return create_client(
            f"http://127.0.0.1:{self._server.server_port}", "eyJhbGciOiJIUzI1NiJ9.e30.x", options
        )


class SwallowingGateway(Gateway):
    """Forwards every request to the API, but never answers the first `swallowed` ones.

    `requests` are their bodies.
    """

    def __init__(self, api: Api, swallowed: int) -> None:
        self._api = api
        self._swallowed = swallowed
        self._ends = threading.Event()
        self.requests: list[bytes] = []

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        super().__exit__()

    def respond(self, handler: BaseHTTPRequestHandler, request: bytes) -> tuple[int, str]:
        self.requests.append(request)
        swallows = len(self.requests) <= self._swallowed
        headers = {"apikey": self._api.service_key, "Content-Type": "application/json"}
        forwarded = urllib.request.Request(self._api.url + handler.path, request, headers)
        with urllib.request.urlopen(forwarded, timeout=30) as answer:
            body = answer.read().decode()
        if swallows:
            self._ends.wait()
        return answer.status, body
