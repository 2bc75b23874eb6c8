"""Which typed error a refused call stands for.

Codes and statuses decide, never texts: NetSuite writes messages in the user's language. A message is only
quoted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import orjson

from netsuite_connector.netsuite.errors import (
    NetSuiteColumnError,
    NetSuiteError,
    NetSuiteFaultError,
    NetSuiteLimitError,
    NetSuiteLoginError,
    NetSuiteMendError,
    NetSuitePermissionError,
    NetSuiteRequestError,
    NetSuiteScriptError,
    NetSuiteSearchError,
)


@dataclass(frozen=True, slots=True)
class Call:
    """What was asked, for messages: the action and, where it has one, the saved search."""

    action: str
    search: str | None = None

    def __str__(self) -> str:
        return f"{self.action} of {self.search}" if self.search else self.action


@dataclass(frozen=True, slots=True)
class _Rule:
    error: type[NetSuiteMendError]
    codes: frozenset[str]
    statuses: frozenset[int]
    sentence: str


_RULES = (
    _Rule(
        NetSuiteScriptError,
        # Older accounts answer the second one when there is no such script.
        frozenset({"SSS_INVALID_SCRIPTLET_ID", "INVALID_LOGIN_INVALID_SCRIPT_ID"}),
        frozenset({404, 405, 415}),
        "NetSuite has no such RESTlet to call ({said}): check the script and deployment ids, and that the "
        "deployment is Released and open to the role.",
    ),
    _Rule(
        NetSuitePermissionError,
        frozenset({"INSUFFICIENT_PERMISSION"}),
        frozenset({403}),
        "The NetSuite role may not do {call} ({said}): give it the permission that is missing.",
    ),
    _Rule(
        NetSuiteLoginError,
        # The last one is the answer to an Authorization header that can't be read.
        frozenset({"INVALID_LOGIN", "INVALID_LOGIN_ATTEMPT", "INVALID_LOGIN_CREDENTIALS", "INVALID_REQUEST"}),
        frozenset({401}),
        "NetSuite refused the login ({said}): check the account id, the tokens or the certificate, that the "
        "role may log in with tokens and isn't Web Services Only, and this machine's clock; Setup > "
        "Users/Roles > View Login Audit Trail tells which. Too many requests at once can look the same.",
    ),
)
_NO_SEARCH = (
    "There is no saved search {search} that the role can see ({said}): correct its id in the store file, or "
    "share the search with the role in NetSuite."
)
_SEARCH_SENTENCES = {
    "NSK_SEARCH_NOT_FOUND": _NO_SEARCH,
    "INVALID_SEARCH": _NO_SEARCH,
    "NSK_SUMMARY_SEARCH": (
        "The saved search {search} has summary columns ({said}), so its rows have no internal id: "
        "remove the summary types from its results."
    ),
    "SSS_INVALID_SRCH_FILTER": (
        "The saved search {search} has a filter that NetSuite refuses ({said}): "
        "open the search in NetSuite and mend it."
    ),
}
_LIMIT = "SSS_REQUEST_LIMIT_EXCEEDED"
_NO_COLUMN = "SSS_INVALID_SRCH_COL"
# What is left of these families is wrong in itself; other codes (UNEXPECTED_ERROR, SSS_TIME_LIMIT_EXCEEDED)
# may pass.
_WRONG_CALL = ("NSK_", "SSS_INVALID_", "SSS_MISSING_", "INVALID_")
# Results are live: rows that go between a search and the fetch of its page leave no page to fetch.
_PASSING = {"INVALID_PAGE_RANGE"}

_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_]{1,79}")
_COLUMN = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?")
_SECRET = re.compile(r"\S+@\S+|\beyJ\S+|\bBearer\s+\S+", re.IGNORECASE)
_QUOTED = 300


def refusal(status: int, headers: Mapping[str, str], error: object, call: Call) -> NetSuiteError:
    """The error for a call that was answered with ``status`` and ``error``, the value of that key in the body
    (None without).
    """
    code, message = _code_and_message(error)
    said = f"HTTP {status} {code}" if code else f"HTTP {status}"
    quoted = f" NetSuite says: {message}" if message else ""
    if code == _LIMIT or status == 429:
        return NetSuiteLimitError(
            f"NetSuite's limit of concurrent requests is reached ({said}): wait, or let fewer tasks read "
            "from NetSuite at once.",
            status=status,
            code=code,
            retry_after=retry_after(headers),
        )
    if status < 500:
        mend = _search_refusal(status, code, message, call) or _rule_refusal(status, code, quoted, call)
        if mend is not None:
            return mend
    return NetSuiteFaultError(f"NetSuite failed at {call} ({said}).{quoted}", status=status, code=code)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that ``Retry-After`` asks for, given as seconds or as an HTTP date; None when absent or
    unreadable.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _search_refusal(status: int, code: str | None, message: str, call: Call) -> NetSuiteSearchError | None:
    search, said = call.search, f"HTTP {status} {code}"
    quoted = f" NetSuite says: {message}" if message else ""
    if code is None or search is None:
        return None
    if code == _NO_COLUMN:
        # NetSuite ends this message with the column, in every language.
        last = message.rpartition(":")[2].strip().rstrip(".")
        columns = (last,) if _COLUMN.fullmatch(last) else ()
        named = f"the column {last}, which does" if columns else "columns that do"
        return NetSuiteColumnError(
            f"The saved search {search} has {named} not exist ({said}): remove it from the search, or "
            f"restore the field.{quoted}",
            status=status,
            code=code,
            search=search,
            columns=columns,
        )
    if code in _SEARCH_SENTENCES:
        sentence = _SEARCH_SENTENCES[code].format(search=search, said=said)
        return NetSuiteSearchError(sentence + quoted, status=status, code=code, search=search)
    return None


def _rule_refusal(status: int, code: str | None, quoted: str, call: Call) -> NetSuiteMendError | None:
    said = f"HTTP {status} {code}" if code else f"HTTP {status}"
    rule = next((rule for rule in _RULES if code in rule.codes), None)
    rule = rule or next((rule for rule in _RULES if status in rule.statuses), None)
    if rule is not None:
        sentence = rule.sentence.format(call=call, said=said)
        return rule.error(sentence + quoted, status=status, code=code)
    if code is not None and code.startswith(_WRONG_CALL) and code not in _PASSING:
        return NetSuiteRequestError(
            f"The RESTlet refuses {call} ({said}): deploy the SuiteCloud project that came with this "
            f"connector.{quoted}",
            status=status,
            code=code,
        )
    return None


def _code_and_message(error: object) -> tuple[str | None, str]:
    """NetSuite's code and message.

    The message of an error that a script raised is itself JSON, with ``name`` and ``message``.
    """
    if not isinstance(error, dict):
        return _code(error), ""
    code, message = error.get("code"), error.get("message")
    if isinstance(message, str) and message.lstrip().startswith("{"):
        try:
            inner = orjson.loads(message)
        except orjson.JSONDecodeError:
            inner = {}
        message = inner.get("message")
        code = _code(inner.get("name")) or code
    return _code(code), _tidy(message) if isinstance(message, str) else ""


def _code(value: object) -> str | None:
    return value if isinstance(value, str) and _CODE.fullmatch(value) else None


def _tidy(message: str) -> str:
    """On one line, short, and without what looks like an e-mail address or a token."""
    text = _SECRET.sub("…", " ".join(message.split()))
    return text if len(text) <= _QUOTED else text[:_QUOTED] + "…"
