"""Datasets in staging: streamed in, streamed out, and never half there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from netsuite_connector.errors import MendError
from netsuite_connector.staging.files import Files
from netsuite_connector.staging.manifest import Manifest, Part
from netsuite_connector.staging.writer import MANIFEST, PART_ROWS, Writer, read_manifest

BATCH_ROWS = 100_000


class PartGoneError(MendError):
    """A part that the manifest names is not there: it was removed or replaced while the dataset was read."""


class Dataset:
    """Rows in Parquet parts, of which the manifest says which count.

    Whoever reads gets what was last committed or an error, never parts of two attempts nor a changed part.
    """

    def __init__(self, files: Files, folder: str, name: str) -> None:
        self._files = files
        self._folder = folder
        self.name = name

    def writer(self, schema: pa.Schema | None = None, part_rows: int = PART_ROWS) -> Writer:
        """An attempt at writing the whole dataset anew. Without ``schema`` the first batch gives it.

        A part holds ``part_rows`` rows or up to one row group (131,072) more.
        """
        return Writer(self._files, self._folder, schema, part_rows)

    def manifest(self) -> Manifest | None:
        """The manifest; None when the dataset isn't there. Raises MendError when it is damaged."""
        return read_manifest(self._files, self._folder)

    def remove(self) -> None:
        """Remove the dataset, manifest first, as far as that is possible; whoever is reading it may get
        PartGoneError.
        """
        manifest = f"{self._folder}/{MANIFEST}"
        self._files.remove(manifest)
        if not self._files.exists(manifest):
            self._files.remove_folder(self._folder)

    def require(self) -> Manifest:
        """The manifest. Raises MendError when the dataset isn't there."""
        manifest = self.manifest()
        if manifest is None:
            raise MendError(f"Stage {self.name} has not finished: run it first.")
        return manifest

    def batches(
        self,
        columns: Sequence[str] | None = None,
        batch_rows: int = BATCH_ROWS,
        manifest: Manifest | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Stream the rows in order, at most ``batch_rows`` at a time, with all columns or those asked for.
        They are those of ``manifest``, where the caller has read it.

        Raises MendError when the dataset isn't there or lacks a column, and later when a part is damaged
        (PartGoneError when it is missing).
        """
        manifest = manifest or self.require()
        missing = [name for name in columns or () if name not in manifest.columns]
        if missing:
            raise MendError(f"Stage {self.name} has no column {', '.join(missing)}: run it again.")
        return self._stream(manifest, list(columns) if columns is not None else None, batch_rows)

    def _stream(
        self, manifest: Manifest, columns: list[str] | None, batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        for part in manifest.parts:
            with pq.ParquetFile(pa.BufferReader(self._content(part)), pre_buffer=False) as file:
                # Threads would decode faster than anyone takes the batches, and each keeps its own memory.
                for batch in file.iter_batches(batch_rows, columns=columns, use_threads=False):
                    # Parquet keeps the file's order, and takes "a" for "a.b" too.
                    yield batch.select(columns) if columns is not None else batch

    def _content(self, part: Part) -> bytes:
        """A part's bytes, surely those that were written: Parquet's own checksums leave out its headers."""
        try:
            data = self._files.read(f"{self._folder}/{part.name}")
        except FileNotFoundError as error:
            raise PartGoneError(self._damaged(part, "it is missing")) from error
        if len(data) != part.bytes:
            raise MendError(self._damaged(part, f"it has {len(data):,} bytes instead of {part.bytes:,}"))
        if hashlib.sha256(data).hexdigest() != part.sha256:
            raise MendError(self._damaged(part, "its checksum differs"))
        return data

    def _damaged(self, part: Part, why: str) -> str:
        return (
            f"Part {part.name} of stage {self.name} is damaged or was replaced while it was read ({why}): "
            "run the stage that writes it again."
        )
