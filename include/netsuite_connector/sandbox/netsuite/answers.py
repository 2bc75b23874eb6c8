"""The forms of NetSuite's answers."""

from __future__ import annotations

import json
from http import HTTPStatus
from pathlib import Path

from starlette.responses import HTMLResponse, Response

INVALID_LOGIN = "INVALID_LOGIN_ATTEMPT"
# Language -> error code -> the platform's own text.
_TEXTS: dict[str, dict[str, str]] = json.loads(
    Path(__file__).with_name("texts.json").read_text(encoding="utf-8")
)


def say(language: str, code: str, message: str) -> str:
    """A text of the platform's own in the user's language, where there is one."""
    return _TEXTS.get(language, {}).get(code, message)


def error(status: int, code: str, message: str) -> Response:
    """An error in the form that RESTlets use, blanks around the colons included."""
    body = json.dumps(
        {"error": {"code": code, "message": message}}, separators=(", ", " : "), ensure_ascii=False
    )
    return Response(body, status, media_type="application/json")


def invalid_login(account: str, *, bearer: bool) -> Response:
    """401 for a login that fails; with OAuth 2.0 the header says so too (online help, subsection
    158521885412).
    """
    answer = error(401, INVALID_LOGIN, "Invalid login attempt.")
    if bearer:
        answer.headers["WWW-Authenticate"] = (
            f'Bearer realm="{account}", error="invalid_token", error_description="Invalid login attempt."'
        )
    return answer


def malformed_login(account: str, *, bearer: bool) -> Response:
    """400 for an Authorization header that can't be read."""
    answer = error(
        400, "INVALID_REQUEST", "The request could not be understood by the server due to malformed syntax."
    )
    if bearer:
        answer.headers["WWW-Authenticate"] = (
            f'Bearer realm="{account}", error="invalid_request", error_description="Malformed request."'
        )
    return answer


def html(status: int) -> Response:
    """The page that a load balancer shows when the application can't."""
    title = {500: "Internal Server Error", 503: "Service Unavailable"}[status]
    return HTMLResponse(
        f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>", status
    )


def rest_error(status: int, code: str, detail: str, **where: str) -> Response:
    """An error in the form of REST web services; ``where`` names the parameter or header that is wrong, as
    ``queryParam`` or ``header`` (online help, section 156570709583).
    """
    details = {
        "detail": detail,
        **{f"o:error{name[:1].upper()}{name[1:]}": value for name, value in where.items()},
    }
    body = {
        "type": f"https://www.rfc-editor.org/rfc/rfc9110.html#section-15.{status // 100 + 1}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "o:errorDetails": [{**details, "o:errorCode": code}],
    }
    return Response(json.dumps(body), status, media_type="application/vnd.oracle.resource+json; type=error")
