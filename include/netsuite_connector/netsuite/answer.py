"""From an HTTP answer of the RESTlet to its JSON object, or to the typed error it stands for."""

from __future__ import annotations

import json
from typing import Any

import orjson
import requests

from netsuite_connector.netsuite.errors import NetSuiteFaultError, NetSuiteScriptError
from netsuite_connector.netsuite.refusal import Call, refusal

FORMAT = 1  # of the answers, see docs/netsuite/restlet.md


def read(response: requests.Response, call: Call) -> dict[str, Any]:
    """Return the answer's JSON object, or raise the NetSuiteError that the answer stands for."""
    status = response.status_code
    if 300 <= status < 400:
        raise NetSuiteScriptError(
            f"NetSuite sends the call to another address (HTTP {status}): set the base URLs that Setup > "
            "Company > Company Information > Company URLs shows for this account.",
            status=status,
        )
    body = loads(response.content)
    error = body.get("error") if isinstance(body, dict) else None
    if not response.ok or error is not None:
        raise refusal(status, response.headers, error, call)
    if not isinstance(body, dict):
        what = "something that is no JSON object" if response.content else "nothing"
        raise NetSuiteFaultError(f"NetSuite answered {call} with {what} (HTTP {status}).", status=status)
    if body.get("format") != FORMAT:
        raise NetSuiteScriptError(
            f"The script behind the RESTlet's address does not answer in format {FORMAT}: check the script "
            "and deployment ids, and deploy the SuiteCloud project that came with this connector.",
            status=status,
        )
    return body


def loads(body: bytes) -> Any:
    """Read JSON; None when it is broken.

    NetSuite cuts texts at 4,000 bytes, which can leave half of a surrogate pair. That half is no character,
    but no reason to refuse a page: it becomes U+FFFD.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        if b"\\ud" not in body.lower():
            return None
    try:
        text = json.dumps(json.loads(body), ensure_ascii=False)
        return orjson.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    except ValueError:
        return None
