"""Where staging lives: one filesystem behind a URL, with atomic small files and faults told in words."""

from __future__ import annotations

import errno
import os
import posixpath
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, unquote, urlsplit

import fsspec
from fsspec.implementations.local import LocalFileSystem

from netsuite_connector.errors import MendError, RemoteFaultError

# A limit on file sizes answers EFBIG, a quota EDQUOT: what a person does about them is the same.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
_SAFE = "=+,@ "  # beside letters, digits and _.-~, harmless in local paths and in object keys


def encode(part: str) -> str:
    """One path part as a name that every filesystem takes; two different parts never give the same name."""
    if not part:
        raise MendError("A staging path has an empty part: give every store, flow and stage a name.")
    name = quote(part, safe=_SAFE)
    # A leading dot would hide the name, and "." and ".." would leave the folder.
    return "%2E" + name[1:] if name.startswith(".") else name


@dataclass(frozen=True, slots=True)
class Held:
    """A file below a folder: its ``path`` there as decoded parts, its size and when it was last written."""

    path: tuple[str, ...]
    bytes: int
    modified: datetime


class Files:
    """The files under ``root``, any fsspec URL. Paths are relative to it, with ``/`` between encoded parts.

    Methods raise MendError (full disk, no permission) and RemoteFaultError (a far filesystem failed).
    """

    def __init__(
        self,
        root: str,
        storage_options: Mapping[str, Any] | None = None,
        *,
        called: str = "staging",
        private: bool = False,
    ) -> None:
        """``called``: what errors say that the place is for. ``private``: a local root that is not there yet
        is made for its user and group alone.
        """
        self.name = _without_secrets(root)
        self._called = called
        self._title = called[0].upper() + called[1:]
        try:
            self._fs, self._root = fsspec.core.url_to_fs(root, **dict(storage_options or {}))
        except ImportError as error:
            raise MendError(
                f"{self._title} at {self.name} needs a driver that is not installed ({error.name or error}): "
                f"install it, or choose another {called} root."
            ) from error
        except ValueError as error:
            raise MendError(
                f"{self._title} root {self.name!r} is not a place that can be reached: "
                "give a folder or a URL such as s3://bucket/folder."
            ) from error
        self._local = isinstance(self._fs, LocalFileSystem)
        self._to_make = private and self._local

    def describe(self, path: str) -> str:
        """The path as a person may look it up, without secrets."""
        return f"{self.name.rstrip('/')}/{path}"

    def exists(self, path: str) -> bool:
        """Whether there is a file or a folder."""
        with self.told("read", path):
            return bool(self._fs.exists(self._full(path)))

    def names(self, path: str) -> list[str]:
        """The names in a folder, sorted and decoded, less hidden ones; empty when there is no such folder."""
        try:
            with self.told("read", path):
                entries = self._fs.ls(self._full(path), detail=False, refresh=True)
        except FileNotFoundError:
            return []
        names = (posixpath.basename(str(entry).rstrip("/")) for entry in entries)
        return sorted(unquote(name) for name in names if not name.startswith("."))

    def modified(self, path: str) -> datetime:
        """When the file was last written. Raises NotImplementedError where the filesystem doesn't keep it."""
        with self.told("read", path):
            moment: datetime = self._fs.modified(self._full(path))
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def held(self, path: str) -> list[Held]:
        """All files in a folder and the folders in it; none when there is no such folder. Files that vanish
        meanwhile are left out.
        """
        found: list[Held] = []
        with self.told("read", path):
            entries = self._fs.find(self._full(path), detail=True)
        root = self._fs._strip_protocol(self._full(path)).rstrip("/")  # noqa: SLF001 - how fsspec names it
        for name, entry in entries.items():
            below = name.removeprefix(root).strip("/")
            with suppress(FileNotFoundError):
                moment = self.modified(f"{path}/{below}")
                parts = tuple(unquote(part) for part in below.split("/"))
                found.append(Held(parts, int(entry["size"]), moment))
        return found

    def read(self, path: str) -> bytes:
        """A whole file. Raises FileNotFoundError."""
        with self.told("read", path):
            return bytes(self._fs.cat_file(self._full(path)))

    def write(self, path: str, data: bytes) -> None:
        """Replace a small file atomically: a reader sees the old bytes or the new ones, come what may."""
        full = self._full(path)
        with self.told("write", path):
            if not self._local:
                self._fs.pipe_file(full, data)  # one PUT
                return
            target = Path(full)
            self._make_root()
            target.parent.mkdir(parents=True, exist_ok=True)
            scratch = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
            try:
                with scratch.open("wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                scratch.replace(target)
            except BaseException:
                scratch.unlink(missing_ok=True)
                raise
            _fsync_folder(target.parent)

    def move(self, path: str, target: str) -> None:
        """Put a file in the place of another: locally at once, far away as a copy that replaces it whole."""
        with self.told("write", target):
            if self._local:
                Path(self._full(path)).replace(self._full(target))
                _fsync_folder(Path(self._full(target)).parent)
            else:
                self._fs.mv(self._full(path), self._full(target))

    def create(self, path: str) -> IO[bytes]:
        """A new file to stream into. Do that within ``told``, and ``sync`` the file before it is closed."""
        with self.told("write", path):
            self._make_root()
            self._fs.makedirs(posixpath.dirname(self._full(path)), exist_ok=True)
            file: IO[bytes] = self._fs.open(self._full(path), "wb")
            return file

    def sync(self, file: IO[bytes]) -> None:
        """Make sure that what was written survives a power cut, where that is ours to do."""
        if self._local:
            file.flush()
            os.fsync(file.fileno())

    def remove(self, path: str) -> None:
        """Remove a file if that is possible: what stays behind costs room, nothing else."""
        with suppress(OSError):
            self._fs.rm_file(self._full(path))

    def remove_folder(self, path: str) -> None:
        """Remove a folder with all that is in it if that is possible; see ``remove``."""
        with suppress(OSError):
            self._fs.rm(self._full(path), recursive=True)

    def _make_root(self) -> None:
        if self._to_make:
            Path(self._root).mkdir(mode=0o770, parents=True, exist_ok=True)
            self._to_make = False

    def _full(self, path: str) -> str:
        return f"{self._root.rstrip('/')}/{path}" if path else self._root

    @contextmanager
    def told(self, action: str, path: str) -> Iterator[None]:
        """Turn the filesystem's errors within the block into ours; ``action`` is read or write."""
        try:
            yield
        except FileNotFoundError:
            if action == "read":
                raise  # the caller knows what it means that the file isn't there
            raise MendError(f"{self._title} can't write {self.describe(path)}: its folder is gone.") from None
        except OSError as error:
            raise self._explained(error, action, path) from error

    def _explained(self, error: OSError, action: str, path: str) -> Exception:
        where = self.describe(path)
        if error.errno in _FULL:
            return MendError(
                f"{self._title} can't write {where}: the disk is full{self._room()}. "
                "Free some space (old staging folders may go) or choose another "
                f"{self._called} root, then run again."
            )
        if isinstance(error, PermissionError) or error.errno in _FORBIDDEN:
            return MendError(
                f"{self._title} has no permission to {action} {where}: "
                f"let the user that runs this do so, or choose another {self._called} root."
            )
        cause = errno.errorcode.get(error.errno or 0, type(error).__name__)
        if self._local:
            return MendError(
                f"{self._title} can't {action} {where} ({cause}): look at that path, then run again."
            )
        return RemoteFaultError(
            f"{self._title} could not {action} {where} ({cause}): the filesystem failed; try again."
        )

    def _room(self) -> str:
        """How much room is left, in a few words; nothing where it can't be known."""
        if not self._local:
            return ""
        with suppress(OSError):
            free = shutil.disk_usage(self._root).free
            return f" or its quota is used up ({free / 1e6:,.0f} MB free)"
        return ""


def _without_secrets(root: str) -> str:
    """The root without user, password and query, which may hold keys."""
    split = urlsplit(root)
    if not split.scheme or not split.netloc:
        return root.partition("?")[0] if split.scheme else root
    return f"{split.scheme}://{split.netloc.rpartition('@')[2]}{split.path}"


def _fsync_folder(folder: Path) -> None:
    # The new name must survive a power cut too; where a folder can't be synced it is written a little later.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
