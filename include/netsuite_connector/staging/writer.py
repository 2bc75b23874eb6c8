"""One attempt at a dataset: parts under names of its own, and last the manifest that makes them count."""

from __future__ import annotations

import hashlib
import os
import platform
import uuid
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from netsuite_connector.errors import ConnectorError, MendError
from netsuite_connector.staging.files import Files
from netsuite_connector.staging.manifest import Manifest, Part

MANIFEST = "manifest.json"
# Groups of 1,000 rows cost three times the space and time; above this little is gained.
ROW_GROUP_ROWS = 131_072
PART_ROWS = 2 * ROW_GROUP_ROWS
_PART_BYTES = 32 << 20  # a reader holds a part's bytes while it checks and decodes them
# A group waits in memory, so wide rows make smaller ones: a power of two, by the size of the first rows.
_ROW_GROUP_BYTES = 16 << 20
_SAMPLE_ROWS = 1_024
_REPEATS_SAMPLE_ROWS = 16_384
# A killed attempt of another machine can't be told from a slow one but by its age.
_ABANDONED_AFTER = timedelta(hours=6)


class Writer:
    """Takes batches of one schema and writes them; use as a context manager, and ``commit`` at the end.

    Leaving the block without ``commit`` removes the attempt's parts and leaves the dataset as it was.
    Holds about one row group (131,072 rows or 16 MB) in memory.
    """

    def __init__(self, files: Files, folder: str, schema: pa.Schema | None, part_rows: int) -> None:
        self._files = files
        self._folder = folder
        self._schema = schema.remove_metadata() if schema is not None else None
        self._part_rows = part_rows
        self._attempt = f"{_process_place()}-{os.getpid()}-{uuid.uuid4().hex[:12]}"
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = 0
        self._group_rows: int | None = None
        self._part: _PartFile | None = None
        self._parts: list[Part] = []
        self._named = 0
        self._committed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._committed:
            return
        if self._part is not None:
            self._part.abandon()
        for number in range(self._named):
            self._files.remove(f"{self._folder}/{self._part_name(number)}")

    @property
    def rows(self) -> int:
        """The rows taken so far."""
        written = sum(part.rows for part in self._parts) + (self._part.rows if self._part else 0)
        return written + self._waiting_rows

    def write(self, data: pa.RecordBatch | pa.Table) -> None:
        """Append rows. Raises MendError when their columns differ from those before or the disk is full."""
        schema = data.schema.remove_metadata()
        if self._schema is None:
            self._schema = schema
        elif not schema.equals(self._schema):
            raise MendError(
                f"The columns of {self._files.describe(self._folder)} changed while it was written "
                f"({_difference(self._schema, schema)}): run it again from the start."
            )
        for batch in data.to_batches() if isinstance(data, pa.Table) else [data]:
            if batch.num_rows:
                self._waiting.append(batch)
                self._waiting_rows += batch.num_rows
        if self._group_rows is None and self._waiting_rows >= _SAMPLE_ROWS:
            self._group_rows = _group_rows(pa.Table.from_batches(self._waiting).slice(0, _SAMPLE_ROWS))
        while self._group_rows and self._waiting_rows >= self._group_rows:
            self._write_row_group(self._group_rows)

    def commit(self, **facts: Any) -> Manifest:
        """Write what waits, then the manifest in the place of the one before; then remove what no one needs.

        ``facts`` are kept in the manifest as they are: counts and the like, in types that JSON has.
        """
        if self._schema is None:
            self._schema = pa.schema([])
        if self._waiting_rows:
            self._write_row_group(self._waiting_rows)
        self._close_part()
        created_at = datetime.now(UTC).isoformat(timespec="seconds")
        manifest = Manifest.of(self._schema, tuple(self._parts), created_at, facts)
        replaced = self._standing()
        self._files.write(f"{self._folder}/{MANIFEST}", manifest.to_json())
        self._committed = True
        with suppress(ConnectorError, OSError):
            self._clean(replaced)
        return manifest

    def _write_row_group(self, rows: int) -> None:
        # Cut at fixed rows and in one piece, so that the same rows give the same files however they came in.
        table = pa.Table.from_batches(self._waiting, self._schema)
        self._waiting = table.slice(rows).to_batches()
        self._waiting_rows = table.num_rows - rows
        if self._part is None:
            path = f"{self._folder}/{self._part_name(self._named)}"
            self._named += 1
            self._part = _PartFile(self._files, path, table.slice(0, rows))
        self._part.write(table.slice(0, rows).combine_chunks())
        if self._part.rows >= self._part_rows or self._part.bytes >= _PART_BYTES:
            self._close_part()

    def _close_part(self) -> None:
        if self._part is not None:
            self._parts.append(self._part.close())
            self._part = None

    def _part_name(self, number: int) -> str:
        return f"part-{self._attempt}-{number:05d}.parquet"

    def _clean(self, replaced: Manifest | None) -> None:
        """Remove what the replaced manifest named and dead attempts left, not what a live one is writing."""
        standing = self._standing()
        named = {part.name for part in standing.parts} if standing else set()
        old = {part.name for part in replaced.parts} if replaced else set()
        attempts: dict[str, list[str]] = {}
        for name in self._files.names(self._folder):
            if name.startswith("part-") and name not in named:
                attempts.setdefault(name.removeprefix("part-").rpartition("-")[0], []).append(name)
        for attempt, names in attempts.items():
            paths = [f"{self._folder}/{name}" for name in names]
            if old.issuperset(names) or _process_gone(attempt) or self._untouched(paths):
                for path in paths:
                    self._files.remove(path)

    def _standing(self) -> Manifest | None:
        # A manifest that can't be read is no reason not to replace it.
        try:
            return read_manifest(self._files, self._folder)
        except MendError:
            return None

    def _untouched(self, paths: list[str]) -> bool:
        try:
            latest = max(self._files.modified(path) for path in paths)
        except (NotImplementedError, FileNotFoundError):
            return False
        return datetime.now(UTC) - latest > _ABANDONED_AFTER


class _PartFile:
    """A Parquet file under way; ``first`` is its first rows."""

    def __init__(self, files: Files, path: str, first: pa.Table) -> None:
        self.rows = 0
        self._output = _Output(files, path)
        # Rows are read in order and whole, so nobody would look at statistics.
        self._parquet = pq.ParquetWriter(
            self._output,
            first.schema,
            compression="zstd",
            use_dictionary=_repeating(first.slice(0, _REPEATS_SAMPLE_ROWS)),
            write_statistics=False,
        )

    @property
    def bytes(self) -> int:
        """What the file has taken so far."""
        return self._output.bytes

    def write(self, table: pa.Table) -> None:
        """Write one row group."""
        self._parquet.write_table(table, row_group_size=table.num_rows)
        self.rows += table.num_rows

    def close(self) -> Part:
        """Finish the file."""
        self._parquet.close()
        self._output.close()
        return Part(self._output.name, self.rows, self._output.bytes, self._output.sha256)

    def abandon(self) -> None:
        """Let go of the file; what there is of it is its owner's to remove."""
        self._output.abandon()
        with suppress(OSError, ConnectorError, pa.ArrowException):
            self._parquet.close()


class _Output:
    """The file that Arrow writes a part into. Counts and hashes on the way, so that nothing is read again."""

    def __init__(self, files: Files, path: str) -> None:
        self.name = path.rpartition("/")[2]
        self.bytes = 0
        self.closed = False
        self._files = files
        self._path = path
        self._digest = hashlib.sha256()
        self._file = files.create(path)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def write(self, data: bytes) -> int:
        """Write bytes; to nowhere once the file is abandoned, for Arrow would end it like any other."""
        if self.closed:
            return len(data)
        with self._files.told("write", self._path):
            self._file.write(data)
        self._digest.update(data)
        self.bytes += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing to do before the end."""

    def close(self) -> None:
        """Bring everything to the disk."""
        with self._files.told("write", self._path):
            self._files.sync(self._file)
            self._file.close()
        self.closed = True

    def abandon(self) -> None:
        """Close the file, however it stands."""
        self.closed = True
        with suppress(OSError):
            self._file.close()


def read_manifest(files: Files, folder: str) -> Manifest | None:
    """The manifest in a folder; None when there is none. Raises MendError when it can't be read as one."""
    path = f"{folder}/{MANIFEST}"
    try:
        return Manifest.from_json(files.read(path))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise MendError(
            f"{files.describe(path)} is damaged or of another version ({error}): "
            "remove it and run the stage that writes it again."
        ) from error


def _group_rows(sample: pa.Table) -> int:
    """How many rows like these make a row group."""
    fitting = int(_ROW_GROUP_BYTES * sample.num_rows // max(sample.nbytes, 1))
    return min(1 << max(fitting.bit_length() - 1, 0), ROW_GROUP_ROWS)


def _repeating(sample: pa.Table) -> list[str]:
    """The columns that a dictionary makes smaller: those of which most values come again. Looking up values
    that don't would cost more than to write them.
    """
    return [
        name
        for name, column in zip(sample.column_names, sample.columns, strict=True)
        if not pa.types.is_binary(column.type)
        and not pa.types.is_nested(column.type)
        and 2 * len(column.unique()) <= sample.num_rows
    ]


def _process_place() -> str:
    """Where process ids mean what ours means: the machine and, in containers, the namespace."""
    namespace = ""
    with suppress(OSError):
        namespace = str(Path("/proc/self/ns/pid").readlink())
    return hashlib.sha256(f"{platform.node()} {namespace}".encode()).hexdigest()[:8]


def _process_gone(attempt: str) -> bool:
    """Whether the process that made the attempt is known to have ended."""
    place, _, process = attempt.rpartition("-")[0].partition("-")
    if place != _process_place() or not process.isdigit():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass  # it lives, and is another user's
    return False


def _difference(before: pa.Schema, after: pa.Schema) -> str:
    """The columns that differ, in words."""
    then = {field.name: str(field.type) for field in before}
    now = {field.name: str(field.type) for field in after}
    words = [f"{name} is gone" for name in then if name not in now]
    words += [f"{name} is new" for name in now if name not in then]
    words += [
        f"{name} was {then[name]} and is {now[name]}"
        for name in then
        if now.get(name, then[name]) != then[name]
    ]
    return ", ".join(words) or "their order or nullability"
