"""A loopback server that answers what it is told: a proxy, a firewall, or a Klaviyo on a bad day."""

from __future__ import annotations

import http.server
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import orjson

KEY = "pk_0123456789abcdef0123456789abcdef01"


@dataclass
class Reply:
    """One answer of the canned server; ``act`` makes it hang or cut the connection instead."""

    status: int = 200
    body: bytes | dict[str, Any] = b""
    headers: dict[str, str] = field(default_factory=dict)
    act: str = ""


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Canned:
    """Answers request after request from a list, the last reply over and over."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.requests: list[Request] = []
        canned = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                canned.answer(self)

            def do_POST(self) -> None:
                canned.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        self.requests.append(Request(handler.command, handler.path, dict(handler.headers), body))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if reply.act == "hang":
            time.sleep(0.6)
            handler.close_connection = True
            return
        if reply.act == "reset":
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.close_connection = True
            return
        content = orjson.dumps(reply.body) if isinstance(reply.body, dict) else reply.body
        handler.send_response(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def errors(*entries: dict[str, Any]) -> dict[str, Any]:
    """The body of a refusal as Klaviyo writes it."""
    common = {"id": "01REQUEST", "code": "invalid", "title": "Invalid input.", "detail": "Bad.", "source": {}}
    return {"errors": [{**common, **entry} for entry in entries]}
