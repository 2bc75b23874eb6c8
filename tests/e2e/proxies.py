"""A proxy in front of the sandbox Klaviyo: it writes down what passes, and can let no large body through."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests


@dataclass
class Traffic:
    """Where the proxy is, the requests with a body that passed (path and body), and the sizes of those that
    were too large for it.
    """

    url: str
    passed: list[tuple[str, bytes]] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)


@contextmanager
def proxy(target: str, *, largest: int = 10_000_000) -> Iterator[Traffic]:
    """A proxy to an address that answers 413 to bodies of more bytes than ``largest``."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if len(body) > largest:
                traffic.refused.append(len(body))
                self._answer(413, b"<html>Request Entity Too Large</html>", "text/html")
                return
            if body:
                traffic.passed.append((self.path, body))
            headers = {name: value for name, value in self.headers.items() if name != "Host"}
            answer = requests.request(
                self.command, target + self.path, data=body, headers=headers, timeout=30
            )
            self._answer(answer.status_code, answer.content, answer.headers.get("Content-Type", ""))

        do_POST = do_GET  # noqa: N815 - as http.server has it

        def _answer(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    traffic = Traffic(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield traffic
    finally:
        server.shutdown()
        server.server_close()
