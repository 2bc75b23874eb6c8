"""The forms of NetSuite's answers."""

from __future__ import annotations

import json

from starlette.responses import HTMLResponse, Response

INVALID_LOGIN = "INVALID_LOGIN_ATTEMPT"


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
