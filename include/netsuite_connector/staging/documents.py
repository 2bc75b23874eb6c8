"""Small JSON documents beside the datasets: how far a push has come, reports, results."""

from __future__ import annotations

from typing import Any

import orjson

from netsuite_connector.errors import MendError
from netsuite_connector.staging.files import Files


def read_document(files: Files, path: str) -> Any:
    """The document; None when there is none. Raises MendError when it is not JSON."""
    try:
        return orjson.loads(files.read(path))
    except FileNotFoundError:
        return None
    except orjson.JSONDecodeError as error:
        raise MendError(
            f"{files.describe(path)} is damaged: remove it and run the stage that writes it again."
        ) from error


def write_document(files: Files, path: str, document: Any) -> None:
    """Write or replace the document; whoever reads it gets the old one or the new one."""
    files.write(path, orjson.dumps(document, option=orjson.OPT_INDENT_2))
