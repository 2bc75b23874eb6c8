"""Whether requests are what the models of Klaviyo's own Python SDK allow, as a program of its own.

It runs where the package klaviyo-api is installed, reads a request a line (``{"model", "body"}``), and prints
a line for each with what is wrong: nothing, what the model says, or what the model does not know.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterator
from typing import Any


def wrong(name: str, body: Any) -> list[str]:
    """What the model of this name finds wrong with a body."""
    module = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    model = getattr(importlib.import_module(f"openapi_client.models.{module}"), name)
    try:
        understood = model.from_dict(body)
    except Exception as error:  # noqa: BLE001 - whatever it says is what is wanted
        return [f"{type(error).__name__}: {error}"[:2000]]
    return list(lost(body, json.loads(json.dumps(understood.to_dict(), default=str)), ""))[:20]


def lost(sent: Any, kept: Any, place: str) -> Iterator[str]:
    """What of a body a model has dropped or changed."""
    if isinstance(sent, dict) and isinstance(kept, dict):
        for key, value in sent.items():
            if key not in kept:
                yield f"{place}/{key} is unknown to the model"
            else:
                yield from lost(value, kept[key], f"{place}/{key}")
    elif isinstance(sent, list) and isinstance(kept, list) and len(sent) == len(kept):
        for number, (one, other) in enumerate(zip(sent, kept, strict=True)):
            yield from lost(one, other, f"{place}/{number}")
    elif sent != kept and not same_moment(sent, kept):
        yield f"{place}: {sent!r} became {kept!r}"


def same_moment(sent: Any, kept: Any) -> bool:
    """Whether both are the same moment, which the SDK keeps as an object of its own."""
    return isinstance(sent, str) and isinstance(kept, str) and sent[:19] == kept[:19].replace(" ", "T")


if __name__ == "__main__":
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(wrong(request["model"], request["body"])))
