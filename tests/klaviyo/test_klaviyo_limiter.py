from __future__ import annotations

import pathlib
import threading
import time
import traceback

import pytest
from klaviyo_workers import BURST, STEADY, at_once, take_for

from netsuite_connector.errors import LimitError, MendError, RemoteFaultError
from netsuite_connector.klaviyo import endpoints
from netsuite_connector.klaviyo.endpoints import Endpoint
from netsuite_connector.klaviyo.limiter import FileWindows, Limiter, ProcessWindows, Windows, open_windows

# A stamp is taken a little after the call was counted.
SLACK = 0.05
PASSWORD = "hunter" + "2"  # in two, so that a traceback's lines of this file don't show it


def most_within(stamps: list[float], seconds: float) -> int:
    return max((sum(start <= stamp < start + seconds for stamp in stamps) for start in stamps), default=0)


@pytest.fixture(params=["file", "redis"])
def storage(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> str:
    """Where processes count together."""
    if request.param == "redis":
        return str(request.getfixturevalue("redis_url"))
    return str(tmp_path / "folder" / "limits.sqlite")


def test_two_flows_and_a_backfill_use_what_there_is_and_no_more(storage: str) -> None:
    """The last of the three is a backfill, which takes only what keeps a fifth of every window free."""
    seconds = 4.8
    taken = at_once(take_for, *((storage, seconds, share) for share in (1, 1, 0.8)))
    stamps = sorted(stamp for one in taken for stamp in one)
    assert most_within(stamps, BURST[1] / 1000 - SLACK) <= BURST[0]
    assert most_within(stamps, STEADY[1] / 1000 - SLACK) <= STEADY[0]
    steady = STEADY[0] / (STEADY[1] / 1000) * seconds
    assert len(stamps) >= 0.95 * steady
    assert len(taken[2]) < min(len(taken[0]), len(taken[1]))


def test_a_backfill_alone_leaves_room_that_others_get_at_once(storage: str) -> None:
    windows = open_windows(storage)
    flow = Limiter(windows, account="one", patience=0.5)
    backfill = Limiter(windows, account="one", patience=0.5, background=True)
    assert sum(backfill.acquire(endpoints.METRICS) for _ in range(8)) < 0.5
    with pytest.raises(LimitError):
        backfill.acquire(endpoints.METRICS)
    assert flow.acquire(endpoints.METRICS) + flow.acquire(endpoints.METRICS) < 0.3
    with pytest.raises(LimitError):
        flow.acquire(endpoints.METRICS)


def test_a_backfill_in_one_process_leaves_room_too() -> None:
    windows = ProcessWindows()
    backfill = Limiter(windows, account="one", patience=0.5, background=True)
    for _ in range(8):
        backfill.acquire(endpoints.METRICS)
    with pytest.raises(LimitError):
        backfill.acquire(endpoints.METRICS)
    assert Limiter(windows, account="one").acquire(endpoints.METRICS) < 0.3


def test_what_is_remembered_is_there_for_all_who_count_there(storage: str) -> None:
    assert open_windows(storage).recall("hash") is None
    open_windows(storage).remember("hash", "first")
    open_windows(storage).remember("hash", "account")
    assert open_windows(storage).recall("hash") == "account"


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
    assert 0 < caught.value.retry_after <= 1.2


def test_a_tiny_scale_still_lets_calls_through() -> None:
    limiter = Limiter(ProcessWindows(), account="one", scale=0.001, patience=1)
    assert limiter.acquire(endpoints.EVENTS) < 0.5
    with pytest.raises(LimitError):
        [limiter.acquire(endpoints.EVENTS) for _ in range(4)]


def test_a_hold_stops_everybody_who_calls_the_endpoint(storage: str) -> None:
    check_hold(open_windows(storage), open_windows(storage))


def test_a_hold_stops_everybody_in_one_process() -> None:
    windows = ProcessWindows()
    check_hold(windows, windows)


def check_hold(windows: Windows, others: Windows) -> None:
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


def test_an_address_that_is_none_is_told_without_its_password() -> None:
    with pytest.raises(MendError, match=r"limiter storage .* as %23") as refused:
        open_windows(f"redis://:{PASSWORD}#x@redis:6379/0")
    assert PASSWORD not in "".join(traceback.format_exception(refused.value))


def test_a_redis_that_is_gone_is_a_fault_that_may_pass() -> None:
    pytest.importorskip("redis", reason="the package redis is not installed")
    windows = open_windows("redis://127.0.0.1:9")
    for call in (
        lambda: Limiter(windows, account="one").acquire(endpoints.EVENTS),
        lambda: windows.hold("key", 1),
        lambda: windows.recall("name"),
        lambda: windows.remember("name", "value"),
    ):
        with pytest.raises(RemoteFaultError, match="Redis"):
            call()
