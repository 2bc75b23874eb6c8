"""The other side of the wire for what no healthy NetSuite does: replies made by hand, also broken ones."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


@dataclass
class Reply:
    """Bytes that the other side sends, and what goes wrong while it does."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    missing: int = 0  # bytes promised and never sent
    reset: bool = False
    seconds: float = 0.0


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def asked(self) -> dict[str, Any]:
        asked: dict[str, Any] = orjson.loads(self.body)
        return asked


class FarSide:
    """Gives one reply a call, in order, the last one for ever, and keeps what it was sent.

    ``replying`` answers RESTlet calls instead, if it is set. ``peak``: how many of them ran at once.
    """

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.replying: Callable[[Request], Reply] | None = None
        self.active = self.peak = 0
        self.token_replies: list[Reply] = []
        self.calls: list[Request] = []
        self.token_calls: list[Request] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _next(self, request: Request) -> Reply:
        with self._lock:
            token = "/oauth2/" in request.path
            replies, calls = (self.token_replies, self.token_calls) if token else (self.replies, self.calls)
            calls.append(request)
            if self.replying is not None and not token:
                return self.replying(request)
            return replies.pop(0) if len(replies) > 1 else replies[0]

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self.active += 1
            self.peak = max(self.peak, self.active)
        try:
            yield
        finally:
            with self._lock:
                self.active -= 1

    def _handler(far) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # headers and body are written one after the other

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with far._counted():
                    reply = far._next(Request(self.path, dict(self.headers), body))
                    time.sleep(reply.seconds)
                if reply.reset:
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.close_connection = True
                    self.connection.close()
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body) + reply.missing))
                self.end_headers()
                self.wfile.write(reply.body)
                self.close_connection = bool(reply.missing)

            def finish(self) -> None:
                with contextlib.suppress(OSError, ValueError):  # this side broke the connection itself
                    super().finish()

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def answer(**content: Any) -> Reply:
    return Reply(orjson.dumps({"format": 1, "usage": 15, **content}))


def refused(status: int, code: str, message: str = "Etwas ging schief.") -> Reply:
    return Reply(orjson.dumps({"error": {"code": code, "message": message}}), status)


def raised(code: str, message: str, status: int = 400) -> Reply:
    """An error that a script raised: its message is JSON text."""
    inner = {
        "type": "error.SuiteScriptError",
        "name": code,
        "message": message,
        "stack": [],
        "userFacing": False,
    }
    return refused(status, code, orjson.dumps(inner).decode())


def column(key: str, kind: str, label: str | None = None) -> dict[str, Any]:
    join, _, name = key.rpartition(".")
    return {"key": key, "name": name, "join": join or None, "label": label or key.title(), "type": kind}


def page(
    ids: list[int], *, done: bool = True, columns: list[dict[str, Any]] | None = None, **change: Any
) -> Reply:
    """A page with an internal id and texts in all other columns."""
    columns = columns or [column("internalid", "integer"), column("email", "text")]
    values = [ids, *([f"{each['key']} {i}" for i in ids] for each in columns[1:])]
    content = {
        "columns": columns,
        "rows": len(ids),
        "values": values,
        "cursor": ids[-1] if ids else None,
        "done": done,
        "stopped": "end" if done else "limit",
    }
    return answer(**{**content, **change})


def about(version: str = "1.1.0") -> Reply:
    return answer(
        version=version,
        account="1234567_SB1",
        user="7",
        role="1042",
        timezone="GMT",
        dateformat="M/D/YYYY",
        timeformat="h:mm a",
        now="2026-11-20T10:00:00Z",
        units=4990,
    )


def bounds(count: int) -> Reply:
    return answer(count=count, first=1 if count else None, last=99 if count else None)


def pem(key: PrivateKeyTypes) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
