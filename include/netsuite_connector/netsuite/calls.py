"""One call of the RESTlet, and as many tries of it as its failure is worth."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
import requests
from requests.auth import AuthBase
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    sleep_using_event,
    wait_random_exponential,
)

from netsuite_connector.netsuite.answer import read
from netsuite_connector.netsuite.errors import (
    NetSuiteFaultError,
    NetSuiteLimitError,
    NetSuiteLoginError,
    NetSuiteTokenError,
)
from netsuite_connector.netsuite.refusal import Call
from netsuite_connector.netsuite.slots import Slots

log = logging.getLogger(__name__)

# NetSuite may also refuse a login because too many requests run at once, so it is worth a few tries.
_LOGIN_TRIES = 3
_LONGEST_WAIT = 30.0
_JITTER = wait_random_exponential(multiplier=1, max=_LONGEST_WAIT)
T = TypeVar("T")


class Reins:
    """Holds the threads that read one extract: ``lanes`` calls at once, and none once ``stop`` is set."""

    def __init__(self, lanes: int) -> None:
        self.stop = threading.Event()
        self._places = threading.Semaphore(lanes)

    @contextlib.contextmanager
    def call(self) -> Iterator[None]:
        """One call. Raises NetSuiteFaultError when it is no longer wanted."""
        with self._places:
            if self.stop.is_set():
                raise NetSuiteFaultError("The extract was given up.")
            yield


@dataclass(frozen=True, slots=True)
class Calls:
    """Where the RESTlet is called, as whom, and how patiently.

    ``timeout``: (connect, read) in seconds; ``tries``: at most; ``sleep``: how to wait between them (a wait
    of its own can't be broken off); ``slots``: what each call holds one of, for its whole time.
    """

    session: requests.Session
    url: str
    script: dict[str, str]
    auth: AuthBase
    timeout: tuple[float, float]
    tries: int
    sleep: Callable[[float], None] | None
    slots: Slots | None

    def send(
        self, call: Call, asked: dict[str, Any], reins: Reins | None = None
    ) -> tuple[dict[str, Any], int]:
        """Call once; return the answer and its size in bytes. Each has a request and signature of its own."""
        with contextlib.ExitStack() as held:
            if reins is not None:
                held.enter_context(reins.call())
            if self.slots is not None:
                held.enter_context(self.slots.take(None if reins is None else reins.stop))
            response = self._post(call, asked)
        return read(response, call), len(response.content)

    def retry(self, once: Callable[[], T], reins: Reins | None = None) -> T:
        """``once``, tried again after limits, faults and refused logins, with growing random waits."""
        stop = threading.Event() if reins is None else reins.stop

        def enough(state: RetryCallState) -> bool:
            return stop.is_set() or self._enough(state)

        return Retrying(
            retry=retry_if_exception(_worth_another_try),
            stop=enough,
            wait=_wait,
            sleep=self.sleep or sleep_using_event(stop),
            before_sleep=_tell,
            reraise=True,
        )(once)

    def _post(self, call: Call, asked: dict[str, Any]) -> requests.Response:
        try:
            return self.session.post(
                self.url,
                params=self.script,
                data=orjson.dumps({"action": call.action, **asked}),
                headers={"Content-Type": "application/json", "Accept": "application/json"},
                auth=self.auth,
                timeout=self.timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise NetSuiteFaultError(
                f"NetSuite could not be reached, or broke off its answer to {call} ({type(error).__name__}): "
                "if this lasts, check the account id or base URL and the network."
            ) from error

    def _enough(self, state: RetryCallState) -> bool:
        error = _error_of(state)
        if isinstance(error, NetSuiteLimitError) and (error.retry_after or 0) > _LONGEST_WAIT:
            return True
        most = min(_LOGIN_TRIES, self.tries) if isinstance(error, NetSuiteLoginError) else self.tries
        return state.attempt_number >= most


def _worth_another_try(error: BaseException) -> bool:
    if isinstance(error, NetSuiteTokenError):
        return False
    return isinstance(error, NetSuiteLimitError | NetSuiteFaultError | NetSuiteLoginError)


def _wait(state: RetryCallState) -> float:
    """Seconds: anything from none to a bound that doubles, on top of what NetSuite asks for."""
    error = _error_of(state)
    asked = error.retry_after if isinstance(error, NetSuiteLimitError) else None
    return (asked or 0.0) + _JITTER(state)


def _tell(state: RetryCallState) -> None:
    log.warning(
        "%s Try %d follows in %.1f s.", _error_of(state), state.attempt_number + 1, state.upcoming_sleep
    )


def _error_of(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome is not None else None
