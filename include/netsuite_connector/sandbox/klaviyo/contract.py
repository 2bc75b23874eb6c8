"""What Klaviyo's official document says of the endpoints that the sandbox serves.

``contract.json`` is made by ``tools/klaviyo_contract.py`` from the OpenAPI document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources
from typing import Any
from urllib.parse import unquote

import jsonschema_rs
import orjson

from netsuite_connector.sandbox.klaviyo.problems import Problem, Refusal, bad_parameter, invalid

# A caller learns nothing from the ten-thousandth copy of one mistake.
MOST_PROBLEMS = 1_000


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation: who may call it, how often, with which parameters and body.

    ``windows`` are pairs of calls and seconds; ``costly`` those that a value of a parameter brings instead,
    by parameter and value. ``default_page`` rows are on a page when a caller can't or doesn't say. ``body``
    is None where nothing is sent.
    """

    operation: str
    method: str
    path: str
    scopes: frozenset[str]
    windows: tuple[tuple[int, int], ...]
    parameters: dict[str, Any]
    body: jsonschema_rs.Validator | None
    default_page: int = 100
    costly: dict[tuple[str, str], tuple[tuple[int, int], ...]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As people write it: ``POST /api/profiles``."""
        return f"{self.method} {self.path}"

    def check_parameters(self, query: list[tuple[str, str]]) -> dict[str, str]:
        """The query as a dictionary, once every parameter is one that the endpoint has; otherwise a
        Refusal.
        """
        problems = [problem for name, value in query for problem in self._parameter_problems(name, value)]
        if problems:
            raise Refusal(*problems)
        return dict(query)

    def check_body(self, body: Any) -> None:
        """Raises a Refusal that names everything in ``body`` that the schema doesn't allow."""
        if self.body is None or self.body.is_valid(body):
            return
        problems: list[Problem] = []
        for error in self.body.iter_errors(body):
            problems.extend(_body_problems(error, body))
            if len(problems) >= MOST_PROBLEMS:
                break
        raise Refusal(*problems[:MOST_PROBLEMS])

    def _parameter_problems(self, name: str, value: str) -> Iterator[Problem]:
        schema = self.parameters.get(name)
        if schema is None:
            yield bad_parameter(f"'{name}' is not a parameter of this endpoint.", name)
        elif schema["type"] == "integer":
            low, high = schema["minimum"], schema["maximum"]
            if not (value.isdecimal() and low <= int(value) <= high):
                yield bad_parameter(f"{name} must be a whole number from {low} to {high}.", name)
        elif schema["type"] == "array":
            allowed = schema["items"]["enum"]
            for part in value.split(","):
                if part and part not in allowed:
                    yield bad_parameter(f"'{part}' is not one of: {', '.join(allowed)}.", name)
        elif "enum" in schema and value not in schema["enum"]:
            yield bad_parameter(f"'{value}' is not one of: {', '.join(schema['enum'])}.", name)


class Contract:
    """All endpoints that the sandbox serves, found by path and method."""

    def __init__(self) -> None:
        document = orjson.loads(resources.files(__package__).joinpath("contract.json").read_bytes())
        self.revision: str = document["revision"]
        self.endpoints = {entry["operation"]: _endpoint(entry) for entry in document["endpoints"]}
        self._routes: dict[str, dict[str, Endpoint]] = {}
        for endpoint in self.endpoints.values():
            self._routes.setdefault(endpoint.path, {})[endpoint.method] = endpoint
        # The id of a catalog item may hold anything, even an encoded slash, so ids match greedily and
        # paths without ids come first.
        self._patterns = [
            (re.compile(re.sub(r"\{\w+\}", "(?P<id>.+)", path)), methods)
            for path, methods in sorted(
                self._routes.items(), key=lambda route: ("{" in route[0], -len(route[0]))
            )
        ]

    def find(self, method: str, path: str) -> tuple[Endpoint, str]:
        """The endpoint of a path and the id in it (else empty); a Refusal with 404 or 405 when there is none.

        A trailing slash is allowed. ``path`` may carry ids such as ``$custom:::$default:::X`` encoded or not.
        """
        for pattern, methods in self._patterns:
            match = pattern.fullmatch(path.rstrip("/"))
            if match:
                if method not in methods:
                    detail = f'Method "{method}" not allowed.'
                    raise Refusal(
                        Problem(405, "method_not_allowed", "Method not allowed.", detail),
                        headers={"Allow": ", ".join(sorted(methods))},
                    )
                return methods[method], unquote(match.groupdict().get("id") or "")
        raise Refusal(Problem(404, "not_found", "Not found.", "The requested resource was not found."))


def _endpoint(entry: dict[str, Any]) -> Endpoint:
    size = entry["parameters"].get("page[size]", {}).get("default", entry.get("page", 100))
    return Endpoint(
        operation=entry["operation"],
        method=entry["method"],
        path=entry["path"],
        scopes=frozenset(entry["scopes"]),
        windows=_windows(entry["limits"]),
        parameters=entry["parameters"],
        body=jsonschema_rs.validator_for(entry["body"]) if "body" in entry else None,
        default_page=size,
        costly={(one["parameter"], one["value"]): _windows(one["limits"]) for one in entry.get("costly", ())},
    )


def _windows(limits: list[list[int]]) -> tuple[tuple[int, int], ...]:
    return tuple((calls, seconds) for calls, seconds in limits)


def _body_problems(error: jsonschema_rs.ValidationError, body: Any) -> Iterator[Problem]:
    """One schema error in Klaviyo's words. Values are never repeated: they may be personal."""
    steps = [str(step) for step in error.instance_path]
    pointer = "/" + "/".join(steps) if steps else ""
    kind = error.kind
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.Required):
        detail = f"'{kind.property}' is a required field{_resource(body, error.instance_path)}."
        yield Problem(
            400, "required", "Missing required field.", detail, pointer=f"{pointer}/{kind.property}"
        )
    elif isinstance(kind, jsonschema_rs.ValidationErrorKind.AdditionalProperties):
        for name in kind.unexpected:
            detail = f"'{name}' is not a valid field{_resource(body, error.instance_path)}."
            yield invalid(detail, f"{pointer}/{name}")
    elif isinstance(kind, jsonschema_rs.ValidationErrorKind.Enum):
        options = ", ".join(str(option) for option in kind.options if option is not None)
        yield invalid(f"The value is not one of: {options}.", pointer or "/data")
    elif isinstance(kind, jsonschema_rs.ValidationErrorKind.Type):
        yield invalid(f"The value is not of type: {', '.join(kind.types)}.", pointer or "/data")
    else:
        yield invalid("The value is not allowed.", pointer or "/data")


def _resource(body: Any, path: list[str | int]) -> str:
    """`` for the resource 'profile'`` when the object that holds the attributes says its type."""
    holder = body
    for step in path[:-1] if path and path[-1] == "attributes" else path:
        holder = holder[step]
    kind = holder.get("type") if isinstance(holder, dict) else None
    return f" for the resource '{kind}'" if isinstance(kind, str) else ""
