from __future__ import annotations

import multiprocessing
import pathlib
import threading
import time

import pytest
from pyrate_limiter import Rate

from netsuite_connector.errors import LimitError, MendError
from netsuite_connector.klaviyo import endpoints
from netsuite_connector.klaviyo.endpoints import Endpoint
from netsuite_connector.klaviyo.limiter import FileWindows, Limiter, ProcessWindows, Windows, open_windows

# A second and a minute, shortened: 10 in 0.2 s and 30 in 1.2 s.
RATES = (Rate(10, 200), Rate(30, 1200))
# A stamp is taken a little after the call was counted.
SLACK = 0.05


def take_many(path: pathlib.Path, calls: int, stamps: multiprocessing.Queue[list[float]]) -> None:
    windows = FileWindows(path)
    taken = []
    for _ in range(calls):
        while (wait := windows.take("nsk_test", list(RATES))) > 0:
            time.sleep(wait)
        taken.append(time.time())
    stamps.put(taken)


def most_within(stamps: list[float], seconds: float) -> int:
    return max(sum(1 for stamp in stamps if start <= stamp < start + seconds) for start in stamps)


def test_two_processes_together_keep_within_both_windows(tmp_path: pathlib.Path) -> None:
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    path = tmp_path / "folder" / "limits.sqlite"
    processes = [context.Process(target=take_many, args=(path, 25, queue)) for _ in range(2)]
    for process in processes:
        process.start()
    stamps = sorted(queue.get(timeout=20) + queue.get(timeout=20))
    for process in processes:
        process.join()
    assert len(stamps) == 50
    assert most_within(stamps, 0.2 - SLACK) <= 10
    assert most_within(stamps, 1.2 - SLACK) <= 30


@pytest.mark.parametrize("shared", [False, True], ids=["process", "file"])
def test_threads_share_a_window_and_endpoints_do_not(tmp_path: pathlib.Path, shared: bool) -> None:  # noqa: FBT001
    windows: Windows = FileWindows(tmp_path / "l.sqlite") if shared else ProcessWindows()
    limiter = Limiter(windows, account="one")
    start = time.monotonic()
    threads = [
        threading.Thread(target=lambda: [limiter.acquire(endpoints.METRICS) for _ in range(4)])
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - start >= 1.0, "12 calls where a second allows 10"
    start = time.monotonic()
    limiter.acquire(endpoints.PROFILES)
    Limiter(windows, account="two").acquire(endpoints.METRICS)
    assert time.monotonic() - start < 0.5


def test_the_scale_multiplies_the_calls(tmp_path: pathlib.Path) -> None:
    endpoint = Endpoint("GET", "/x", 10, 150, ())
    windows = open_windows(tmp_path / "l.sqlite")
    limiter = Limiter(windows, account="one", scale=3, patience=0.5)
    waited = sum(limiter.acquire(endpoint) for _ in range(30))
    assert waited < 1.0
    with pytest.raises(LimitError) as caught:
        limiter.acquire(endpoint)
    assert caught.value.retry_after is not None
    assert 0 < caught.value.retry_after <= 1.1


def test_a_tiny_scale_still_lets_calls_through() -> None:
    limiter = Limiter(ProcessWindows(), account="one", scale=0.001, patience=1)
    assert limiter.acquire(endpoints.EVENTS) < 0.5
    with pytest.raises(LimitError):
        [limiter.acquire(endpoints.EVENTS) for _ in range(4)]


@pytest.mark.parametrize("shared", [False, True], ids=["process", "file"])
def test_a_hold_stops_everybody_who_calls_the_endpoint(tmp_path: pathlib.Path, shared: bool) -> None:  # noqa: FBT001
    windows: Windows = ProcessWindows()
    others = windows
    if shared:
        windows, others = FileWindows(tmp_path / "l.sqlite"), FileWindows(tmp_path / "l.sqlite")
    Limiter(windows, account="one").hold(endpoints.EVENTS, 0.4)
    Limiter(windows, account="one").hold(endpoints.EVENTS, 0.1)  # a shorter one doesn't cut it short
    assert Limiter(others, account="one").acquire(endpoints.EVENTS) >= 0.35
    assert Limiter(others, account="one").acquire(endpoints.EVENTS) < 0.2


def test_a_hold_longer_than_the_patience_is_told_at_once() -> None:
    limiter = Limiter(ProcessWindows(), account="one", patience=5)
    limiter.hold(endpoints.EVENTS, 60)
    start = time.monotonic()
    with pytest.raises(LimitError) as caught:
        limiter.acquire(endpoints.EVENTS)
    assert time.monotonic() - start < 1
    assert caught.value.retry_after == pytest.approx(60, abs=2)


def test_a_file_that_cannot_be_used_says_which(tmp_path: pathlib.Path) -> None:
    broken = tmp_path / "l.sqlite"
    broken.write_bytes(b"no database" * 100)
    with pytest.raises(MendError, match=str(broken)):
        Limiter(open_windows(str(broken)), account="one").acquire(endpoints.EVENTS)


def test_a_scale_of_nothing_is_refused() -> None:
    with pytest.raises(MendError, match="scale"):
        Limiter(ProcessWindows(), account="one", scale=0)
