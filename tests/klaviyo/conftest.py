"""What the tests of the Klaviyo client have in common."""

from __future__ import annotations

import importlib.util
import pathlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest
import requests
from klaviyo_canned import KEY, Canned
from klaviyo_records import Connect

from netsuite_connector.klaviyo.client import KlaviyoClient
from netsuite_connector.klaviyo.limiter import Limiter, ProcessWindows
from netsuite_connector.sandbox.klaviyo.testing import SandboxAccount, running_sandbox


@pytest.fixture
def canned() -> Iterator[Canned]:
    server = Canned()
    yield server
    server.close()


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


@pytest.fixture
def client(canned: Canned, session: requests.Session) -> KlaviyoClient:
    """A client of the canned server, with short time-outs and pauses."""
    return KlaviyoClient(
        session,
        base_url=canned.url,
        api_key=KEY,
        limiter=Limiter(ProcessWindows(), account="canned", scale=100),
        timeout=(1, 0.3),
        tries=3,
        backoff=0.01,
    )


@pytest.fixture(scope="session")
def _running() -> Iterator[SandboxAccount]:
    with running_sandbox() as account:
        yield account


@pytest.fixture
def sandbox(_running: SandboxAccount) -> SandboxAccount:
    """A sandbox account without limits and with nothing in it."""
    _running.reset()
    return _running


@pytest.fixture
def connect(sandbox: SandboxAccount, session: requests.Session) -> Connect:
    """Makes clients of the sandbox account."""

    def connect(api_key: str = sandbox.key, *, read: float = 10, backoff: float = 0.01) -> KlaviyoClient:
        return KlaviyoClient(
            session,
            base_url=sandbox.url,
            api_key=api_key,
            limiter=Limiter(ProcessWindows(), account="sandbox", scale=1000),
            timeout=(5, read),
            tries=3,
            backoff=backoff,
        )

    return connect


@pytest.fixture(scope="session")
def _redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = shutil.which("redis-server")
    if program is None or importlib.util.find_spec("redis") is None:
        pytest.skip("redis-server or the package redis is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("redis")
    process = _start_redis(program, port, folder)
    try:
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=10)


def _start_redis(program: str, port: int, folder: pathlib.Path) -> subprocess.Popen[bytes]:
    command = [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        time.sleep(0.02)
    process.kill()
    pytest.fail("redis-server does not start")


@pytest.fixture
def redis_url(_redis: str) -> str:
    """An empty Redis on this machine; skips where there is none."""
    import redis

    redis.Redis.from_url(_redis).flushall()
    return _redis
