"""Filesystems that fail as real ones do, at the place where fsspec hands over to them."""

from __future__ import annotations

import errno
import os
from typing import Any

import fsspec
from fsspec.implementations.memory import MemoryFileSystem


class _Failing:
    """A file that takes ``room`` bytes and then fails with ``number``."""

    def __init__(self, file: Any, room: int, number: int) -> None:
        self._file, self._room, self._number = file, room, number

    def write(self, data: bytes) -> int:
        self._room -= len(data)
        if self._room < 0:
            raise OSError(self._number, os.strerror(self._number))
        return int(self._file.write(data))

    def close(self) -> None:
        self._file.close()


class FailingFileSystem(MemoryFileSystem):
    """Objects in memory. Files larger than ``room`` bytes fail to be written, with ``number``."""

    protocol = "failing"
    cachable = False

    def __init__(self, room: int = 0, number: int = errno.ENOSPC, **options: Any) -> None:
        super().__init__(**options)
        self.room, self.number = room, number

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        file = super()._open(path, mode, **options)
        return file if mode == "rb" else _Failing(file, self.room, self.number)

    def pipe_file(self, path: str, value: bytes, **options: Any) -> None:
        if len(value) > self.room:
            raise OSError(self.number, os.strerror(self.number))
        super().pipe_file(path, value, **options)

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(MemoryFileSystem._strip_protocol(path.replace("failing://", "memory://")))


fsspec.register_implementation("failing", FailingFileSystem, clobber=True)
