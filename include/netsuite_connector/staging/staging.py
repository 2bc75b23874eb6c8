"""The staging area: where the stages of every flow keep what they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from netsuite_connector.errors import MendError
from netsuite_connector.staging.dataset import Dataset
from netsuite_connector.staging.documents import read_document, write_document
from netsuite_connector.staging.files import Files, Held, encode


class Staging:
    """A staging area at ``root``: a folder, or any URL that fsspec has a driver for (``s3://…``, ``memory://``).

    ``storage_options`` go to that driver. A folder that is not there yet is made for its user and group
    alone, since rows of people lie in it. A path is a tuple of parts, each of which may hold any characters,
    or a text with ``/`` between the parts. Raises MendError when the URL or its driver is unknown.
    """

    def __init__(self, root: str, storage_options: Mapping[str, Any] | None = None) -> None:
        self._files = Files(root, storage_options, private=True)

    def dataset(self, *parts: str) -> Dataset:
        """The dataset at a path, whether it is there already or not."""
        return Dataset(self._files, _place(parts), "/".join(parts))

    def read_json(self, path: str | tuple[str, ...]) -> Any:
        """A small JSON document; None when there is none. Raises MendError when it is damaged."""
        return read_document(self._files, _place(path))

    def write_json(self, path: str | tuple[str, ...], document: Any) -> None:
        """Write or replace a small JSON document atomically."""
        write_document(self._files, _place(path), document)

    def list(self, path: str | tuple[str, ...] = ()) -> list[str]:
        """The names in a folder, sorted; empty when there is no such folder."""
        return self._files.names(_place(path) if path else "")

    def held(self, path: str | tuple[str, ...]) -> Sequence[Held]:
        """All files in a folder and the folders in it: their paths below it, sizes and moments."""
        return self._files.held(_place(path))

    def written(self, path: str | tuple[str, ...]) -> datetime | None:
        """When a document was last written; None when it isn't there, or the filesystem doesn't say."""
        try:
            return self._files.modified(_place(path))
        except (FileNotFoundError, NotImplementedError):
            return None

    def remove(self, path: str | tuple[str, ...]) -> bool:
        """Remove a document, or a folder with all that is in it. Returns whether it is gone."""
        place = _place(path)
        self._files.remove_folder(place)
        return not self._files.exists(place)

    def exists(self, path: str | tuple[str, ...]) -> bool:
        """Whether there is a document or a folder at the path."""
        return self._files.exists(_place(path))


def _place(path: str | tuple[str, ...]) -> str:
    parts = path.split("/") if isinstance(path, str) else path
    if not parts:
        raise MendError("A staging path needs at least one part: name the store, the flow and the stage.")
    return "/".join(encode(part) for part in parts)
