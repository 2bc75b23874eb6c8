"""Errors as Klaviyo answers them: JSON:API error objects, several at once where several things are wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """One error object. ``pointer`` says where in the body, ``parameter`` which query parameter or header."""

    status: int
    code: str
    title: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None
    meta: dict[str, Any] = field(default_factory=dict)

    def as_json(self, identifier: str) -> dict[str, Any]:
        """The error object; ``identifier`` is the request's id, which a caller quotes to the support."""
        source = {"parameter": self.parameter} if self.parameter else {"pointer": self.pointer or "/data"}
        return {
            "id": identifier,
            "status": self.status,
            "code": self.code,
            "title": self.title,
            "detail": self.detail,
            "source": source,
            "links": {},
            "meta": self.meta,
        }


class Refusal(Exception):  # noqa: N818 - it is an answer to the caller, not a failure of the sandbox
    """Ends a request with the given problems; the status of the first is the status of the answer."""

    def __init__(self, *problems: Problem, headers: dict[str, str] | None = None) -> None:
        super().__init__(problems[0].detail)
        self.problems = problems
        self.headers = headers or {}

    @property
    def status(self) -> int:
        """The HTTP status of the answer."""
        return self.problems[0].status


def invalid(detail: str, pointer: str) -> Problem:
    """A value in the body that can't be accepted."""
    return Problem(400, "invalid", "Invalid input.", detail, pointer=pointer)


def bad_parameter(detail: str, parameter: str) -> Problem:
    """A query parameter that can't be accepted."""
    return Problem(400, "invalid", "Invalid input.", detail, parameter=parameter)


def not_found(kind: str, identifier: str) -> Problem:
    """A resource that the account doesn't hold."""
    return Problem(404, "not_found", "Not found.", f"A {kind} with id {identifier} does not exist.")


def duplicate_profile(owner: str, pointer: str = "/data/attributes") -> Problem:
    """Identifiers that belong to another profile (``owner`` is its id)."""
    return Problem(
        409,
        "duplicate_profile",
        "Conflict.",
        "A profile already exists with one of these identifiers.",
        pointer=pointer,
        meta={"duplicate_profile_id": owner},
    )
