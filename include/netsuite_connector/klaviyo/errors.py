"""What Klaviyo's refusals mean, as the three kinds of failure that the product knows."""

from __future__ import annotations

import datetime as dt
import email.utils
import re
import typing
from dataclasses import dataclass

import orjson
import requests

from netsuite_connector.errors import ConnectorError, LimitError, MendError, RemoteFaultError
from netsuite_connector.klaviyo.endpoints import Endpoint

# What may be an e-mail address or a phone number in a sentence of Klaviyo's: it must reach neither logs nor
# reasons.
_EMAIL = re.compile(r"[^\s\"'<>(),;:]+@[^\s\"'<>(),;:]+")
_PHONE = re.compile(
    r"\+\d[\d ().-]{5,}\d|\(?\b\d{3}\)?[ .-]\d{3}[ .-]\d{4}\b|(?<![\w.:-])\d{10,15}(?![\w.:-])"
)


# Klaviyo allows 500 unfinished jobs of a kind for the catalog and publishes no code for one too many.
_TOO_MANY_JOBS = re.compile(r"too_many_jobs|jobs\b.*\bin progress", re.IGNORECASE)

JOBS_PAUSE = 10.0
"""Seconds to wait when too many jobs are unfinished; Klaviyo doesn't say how long that takes."""


def redact(text: str) -> str:
    """The text with everything that looks like an e-mail address or a phone number taken out."""
    return _PHONE.sub("<phone>", _EMAIL.sub("<e-mail>", text))


@dataclass(frozen=True, slots=True)
class Problem:
    """One entry of the ``errors`` in an answer; ``title`` and ``detail`` hold no personal data."""

    code: str
    title: str
    detail: str
    pointer: str | None
    parameter: str | None

    @property
    def words(self) -> str:
        """Klaviyo's own words, the more telling of what it gave."""
        return self.detail or self.title or self.code

    @classmethod
    def parse(cls, entry: dict[str, typing.Any]) -> Problem:
        """Reads one error object of JSON:API; what is missing becomes empty."""
        source = entry.get("source") or {}
        return cls(
            code=str(entry.get("code") or ""),
            title=redact(str(entry.get("title") or "")),
            detail=redact(str(entry.get("detail") or "")),
            pointer=source.get("pointer"),
            parameter=source.get("parameter"),
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """A refusal: its status, what Klaviyo said and the id under which Klaviyo's support finds the request."""

    status: int
    request_id: str | None
    problems: tuple[Problem, ...]

    @property
    def told(self) -> str:
        """The answer for a message: ``400 invalid: Invalid input. (request 01J…)``."""
        words = "; ".join(dict.fromkeys(f"{p.code}: {p.words}" for p in self.problems[:3]))
        more = f" and {len(self.problems) - 3} more" if len(self.problems) > 3 else ""
        request = f" (request {self.request_id})" if self.request_id else ""
        return f"{self.status} {words}{more}".strip() + request


class KlaviyoError(ConnectorError):
    """Any failure of a call to Klaviyo. ``answer`` is None when none came."""

    answer: Answer | None = None


class KlaviyoLimitError(KlaviyoError, LimitError):
    """The account's limit for an endpoint is used up; ``retry_after`` says for how many seconds."""


class KlaviyoFaultError(KlaviyoError, RemoteFaultError):
    """Klaviyo or the way there is at fault: 5xx, a page of a proxy, a time-out, a lost connection."""


class KlaviyoKeyError(KlaviyoError, MendError):
    """Klaviyo doesn't know the key or the app (401)."""


class KlaviyoScopeError(KlaviyoError, MendError):
    """The key or the app may not do this (403)."""


class KlaviyoRevisionError(KlaviyoError, MendError):
    """The API revision is retired or unknown (410)."""


class KlaviyoRequestError(KlaviyoError, MendError):
    """Klaviyo refuses the request itself, and naming a record in it would not help."""


class KlaviyoRecordsError(KlaviyoRequestError):
    """Klaviyo refuses the whole request because of what is in it (400), or because that collides with what is
    there (409); its problems may point at records.
    """


class KlaviyoTooLargeError(KlaviyoRequestError):
    """The request is larger than Klaviyo or something on the way takes (413)."""


class KlaviyoJobError(KlaviyoError, MendError):
    """A bulk job came to no result: Klaviyo cancelled it, or it is older than the 7 days that Klaviyo keeps
    jobs.
    """


class KlaviyoJobPendingError(KlaviyoError, RemoteFaultError):
    """A bulk job is not done yet after the time that was given; it can be followed again."""


def retry_after(value: str | None) -> float | None:
    """Seconds to wait by a ``Retry-After`` header, given in seconds or as a date of HTTP; None when it says
    nothing usable.
    """
    if value is None:
        return None
    if re.fullmatch(r"\s*\d+(\.\d+)?\s*", value):
        return float(value)
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return max(0.0, (moment - dt.datetime.now(dt.UTC)).total_seconds())


def from_response(response: requests.Response, endpoint: Endpoint, *, oauth: bool = False) -> KlaviyoError:
    """The error that an answer other than the one hoped for means. ``oauth`` says that an app called, not a
    private key.
    """
    entries = _entries(response)
    request_id = response.headers.get("X-Klaviyo-Req-Id") or next(
        (str(entry["id"]) for entry in entries or () if entry.get("id")), None
    )
    problems = tuple(Problem.parse(entry) for entry in entries or ())
    answer = Answer(response.status_code, request_id, problems)
    if answer.status == 429:
        error: KlaviyoError = KlaviyoLimitError(
            f"Klaviyo asks to slow down on {endpoint}: {answer.told}",
            retry_after=retry_after(response.headers.get("Retry-After")),
        )
    elif answer.status >= 500:
        error = KlaviyoFaultError(f"Klaviyo failed on {endpoint}: {answer.told}")
    elif answer.status == 413:
        error = KlaviyoTooLargeError(f"The request to {endpoint} is too large: {answer.told}")
    elif entries is None:
        error = _not_klaviyo(answer, endpoint)
    else:
        error = _refusal(answer, endpoint, oauth=oauth)
    error.answer = answer
    return error


def _not_klaviyo(answer: Answer, endpoint: Endpoint) -> KlaviyoError:
    """An answer that carries no error objects: a proxy, a firewall, a login page, another server."""
    if answer.status < 400 or answer.status in (404, 405, 407):
        return KlaviyoRequestError(
            f"No Klaviyo API answers {endpoint} there ({answer.status}): "
            "check the address in the Klaviyo connection, and the proxy."
        )
    return KlaviyoFaultError(
        f"Something between us and Klaviyo answered {endpoint} with {answer.told} "
        "and no message of Klaviyo's."
    )


def _refusal(answer: Answer, endpoint: Endpoint, *, oauth: bool) -> KlaviyoError:
    if any(_TOO_MANY_JOBS.search(f"{p.code} {p.detail}") for p in answer.problems):
        return KlaviyoLimitError(
            f"Klaviyo has too many unfinished jobs to take more on {endpoint}: {answer.told}",
            retry_after=JOBS_PAUSE,
        )
    if answer.status in (401, 403):
        return _not_let_in(answer, endpoint, oauth=oauth)
    if answer.status == 410 or any(_about_revision(problem) for problem in answer.problems):
        return KlaviyoRevisionError(
            f"Klaviyo does not serve this API revision: {answer.told}. "
            "Set a newer revision in the Klaviyo connection."
        )
    kind = KlaviyoRecordsError if answer.status in (400, 409) else KlaviyoRequestError
    return kind(f"Klaviyo refuses {endpoint}: {answer.told}")


def _not_let_in(answer: Answer, endpoint: Endpoint, *, oauth: bool) -> KlaviyoError:
    needs = f"{endpoint}, which needs {' and '.join(endpoint.scopes)}: {answer.told}"
    if answer.status == 401 and oauth:
        return KlaviyoKeyError(
            f"Klaviyo does not accept the app's access token, nor a new one: {answer.told}. "
            "Connect the app to the Klaviyo account anew."
        )
    if answer.status == 401:
        return KlaviyoKeyError(
            f"Klaviyo does not accept the private API key: {answer.told}. "
            "Put a valid private key into the Klaviyo connection."
        )
    if oauth:
        return KlaviyoScopeError(
            f"The app may not call {needs}. "
            "Give the app these scopes in Klaviyo and connect it to the account anew."
        )
    return KlaviyoScopeError(
        f"The Klaviyo key may not call {needs}. Scopes of a key can't be changed: make a private key that "
        "has them and put it into the Klaviyo connection."
    )


def from_exception(error: requests.RequestException, endpoint: Endpoint) -> KlaviyoError:
    """The error that a call without an answer means. Never quotes the exception: it holds the query, which
    may hold e-mail addresses.
    """
    name = type(error).__name__
    if isinstance(error, requests.exceptions.SSLError):
        return KlaviyoRequestError(
            f"The certificate of the server that answers for Klaviyo is not trusted ({name}): "
            "check the address in the connection, the proxy and this machine's certificates."
        )
    if isinstance(error, requests.Timeout):
        return KlaviyoFaultError(f"Klaviyo did not answer {endpoint} in time ({name}).")
    if isinstance(
        error,
        requests.ConnectionError
        | requests.exceptions.ChunkedEncodingError
        | requests.exceptions.ContentDecodingError,
    ):
        return KlaviyoFaultError(f"The connection to Klaviyo broke during {endpoint} ({name}).")
    return KlaviyoRequestError(
        f"{endpoint} can't be called ({name}): check the address in the Klaviyo connection."
    )


def _entries(response: requests.Response) -> list[dict[str, typing.Any]] | None:
    """The error objects in the body; None when the body is not JSON:API, so not Klaviyo's."""
    try:
        body = orjson.loads(response.content)
        return [entry for entry in body["errors"] if isinstance(entry, dict)]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None


def _about_revision(problem: Problem) -> bool:
    in_a_record = (problem.pointer or "").startswith("/data/")
    return not in_a_record and "revision" in f"{problem.parameter} {problem.pointer} {problem.detail}".lower()
