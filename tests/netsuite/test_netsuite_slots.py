"""A share of NetSuite's concurrent requests, kept by threads, by processes and through Redis."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from netsuite_far_side import FarSide, Reply, bounds

from netsuite_connector.errors import LimitError, MendError, RemoteFaultError
from netsuite_connector.netsuite import (
    Account,
    NetSuiteClient,
    NetSuiteLimitError,
    open_slots,
    token_based,
)
from netsuite_connector.netsuite.slots import RedisSlots, Slots
from netsuite_connector.sandbox.netsuite.testing import SandboxAccount, running_sandbox
from netsuite_connector.window import Window

KEY = "1234567_SB1"
SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """A Redis of the tests' own."""
    server = shutil.which("redis-server")
    if server is None or importlib.util.find_spec("redis") is None:
        pytest.skip("the program redis-server or the Python package redis is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [server, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(params=["file", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where processes share slots."""
    if request.param == "file":
        return str(tmp_path / "slots")
    url: str = request.getfixturevalue("redis_url")
    return url


def most_at_once(slots: list[Slots], threads: int) -> int:
    """How many of so many threads hold one of the slots at once."""
    lock, held, most = threading.Lock(), 0, 0

    def hold(own: Slots) -> None:
        nonlocal held, most
        for _ in range(3):
            with own.take():
                with lock:
                    held += 1
                    most = max(most, held)
                time.sleep(0.01)
                with lock:
                    held -= 1

    running = [threading.Thread(target=hold, args=(slots[i % len(slots)],)) for i in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(20)
    return most


@pytest.mark.parametrize("share", [1, 3])
def test_threads_never_hold_more_than_their_share(share: int) -> None:
    assert most_at_once([open_slots(None, KEY, share)], threads=8) == share


@pytest.mark.parametrize("share", [1, 3])
def test_whoever_opens_the_same_place_shares_it(place: str, share: int) -> None:
    slots = [open_slots(place, KEY, share) for _ in range(3)]

    assert most_at_once(slots, threads=8) == share


def test_accounts_do_not_share(place: str) -> None:
    with open_slots(place, "one", 1).take(), open_slots(place, "two", 1, patience=1.0).take():
        pass


@pytest.mark.parametrize("where", [None, "file"])
def test_a_slot_that_no_one_gives_back_in_time_is_a_limit_to_wait_for(
    tmp_path: Path, where: str | None
) -> None:
    slots = open_slots(tmp_path / where if where else None, KEY, 1, patience=0.1)

    with slots.take(), pytest.raises(LimitError, match="let fewer flows run at once") as caught, slots.take():
        pass

    assert caught.value.retry_after == 60


def test_a_slot_comes_back_when_its_call_fails(tmp_path: Path) -> None:
    slots = open_slots(tmp_path, KEY, 1, patience=0.1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), slots.take():
            raise ZeroDivisionError


def test_a_share_must_be_one_or_more() -> None:
    with pytest.raises(MendError, match="must be 1 or more, not 0"):
        open_slots(None, KEY, 0)


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")

    with pytest.raises(MendError, match=str(file)), open_slots(file, KEY, 1).take():
        pass


def take_and_stay(place: str) -> None:
    slots = RedisSlots(place, KEY, 1, lease=1.0) if "://" in place else open_slots(place, KEY, 1)
    with slots.take():
        print("taken", flush=True)
        time.sleep(60)


def test_a_killed_holders_slot_comes_back(place: str) -> None:
    slots = RedisSlots(place, KEY, 1, lease=1.0) if "://" in place else open_slots(place, KEY, 1)
    holder = SPAWN.Process(target=take_and_stay, args=(place,))
    holder.start()
    try:
        while not taken(slots):
            time.sleep(0.05)
        # Longer than a lease: it is renewed for as long as its holder lives.
        time.sleep(1.5)
        assert taken(slots)
    finally:
        assert holder.pid is not None
        os.kill(holder.pid, signal.SIGKILL)
        holder.join(10)
    began = time.monotonic()

    with slots.take():
        assert time.monotonic() - began < 2.5


def taken(slots: Slots) -> bool:
    release = slots._grab()
    if release is not None:
        release()
    return release is None


def test_a_redis_that_does_not_answer_is_a_fault_to_try_again(redis_url: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = f"redis://127.0.0.1:{unused.getsockname()[1]}/0"

        with pytest.raises(RemoteFaultError, match="Redis"), open_slots(nobody, KEY, 1).take():
            pass


def client_of(far: FarSide, session: requests.Session, slots: Slots) -> NetSuiteClient:
    account = Account.of(KEY, restlet_base=far.url, suitetalk_base=far.url)
    auth = token_based(account, consumer_key="ck", consumer_secret="cs", token_id="ti", token_secret="ts")
    return NetSuiteClient(session, far.url, auth, slots=slots, sleep=lambda _: None)


def test_a_call_holds_a_slot_for_its_whole_time_and_none_between_tries(far: FarSide) -> None:
    slots = open_slots(None, KEY, 1, patience=0.2)
    far.replies = [Reply(status=500), Reply(bounds(7).body, seconds=0.8)]
    seen: list[int] = []
    with requests.Session() as session:
        client = client_of(far, session, slots)
        asking = threading.Thread(target=lambda: seen.append(client.bounds("x", Window()).count))
        asking.start()
        while len(far.calls) < 2:
            time.sleep(0.01)
        with pytest.raises(NetSuiteLimitError), slots.take():
            pass
        asking.join(5)
    with slots.take():
        pass

    assert seen == [7]


def test_a_call_that_gets_no_slot_is_not_made_and_not_tried_again(far: FarSide) -> None:
    slots = open_slots(None, KEY, 1, patience=0.05)
    far.replies = [bounds(7)]
    with requests.Session() as session, slots.take(), pytest.raises(NetSuiteLimitError):
        client_of(far, session, slots).bounds("x", Window())

    assert not far.calls


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxAccount]:
    with running_sandbox("--latency", "0.1", "--concurrency", "5", customers=60) as running:
        yield running


def extract(url: str, secrets: dict[str, str], place: str, share: int) -> None:
    account = Account.of(secrets.pop("account"), restlet_base=url, suitetalk_base=url)
    with requests.Session() as session:
        slots = open_slots(place, KEY, share)
        client = NetSuiteClient(session, url, token_based(account, **secrets), slots=slots, tries=1)
        pages = client.pages("customsearch_nsk_customers", Window(), page_rows=10, lanes=4)
        assert sum(page.batch.num_rows for page in pages) == 60


def test_extracts_of_several_processes_keep_to_the_share_together(
    place: str, sandbox: SandboxAccount
) -> None:
    own = sandbox.credentials
    names = ("account", "consumer_key", "consumer_secret", "token_id", "token_secret")
    secrets = {name: getattr(own, name) for name in names}
    running = [SPAWN.Process(target=extract, args=(sandbox.url, secrets, place, 2)) for _ in range(3)]
    for process in running:
        process.start()
    for process in running:
        process.join(60)

    assert [process.exitcode for process in running] == [0, 0, 0]
    assert sandbox.state()["peak"] == 2
